//! One self-contained HTML page: the graph by levels, the kernels, memory over time. It loads nothing from anywhere.

use super::{BodyMemory, Diagram, KernelRow, MemoryReport};
use crate::sizes::Sizes;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most boxes that are drawn; what is beyond is counted.
const MAX_BOXES: usize = 4000;

const BOX_WIDTH: usize = 150;
const BOX_HEIGHT: usize = 34;
const GAP_X: usize = 14;
const GAP_Y: usize = 30;

const CHART_WIDTH: f64 = 960.0;
const CHART_HEIGHT: f64 = 220.0;

const STYLE: &str = "
body{font:14px/1.45 system-ui,sans-serif;margin:0;color:#1c2430;background:#f6f7f9}
header{background:#1c2430;color:#fff;padding:16px 24px}header h1{margin:0;font-size:20px}
header p{margin:4px 0 0;color:#b9c3d0}
section{margin:20px 24px;background:#fff;border:1px solid #dde2e8;border-radius:6px;padding:12px 16px}
h2{font-size:16px;margin:0 0 8px}h3{font-size:14px;margin:12px 0 4px}
.scroll{overflow:auto;max-height:70vh;border:1px solid #eceff3}
table{border-collapse:collapse;width:100%}th,td{padding:3px 8px;text-align:left;border-bottom:1px solid #eceff3}
th{position:sticky;top:0;background:#fff;cursor:pointer;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.s{max-width:48em;overflow-wrap:anywhere}
svg text{font:11px system-ui,sans-serif}.t{font-weight:600}.d{fill:#5b6675}
.box{fill:#eaf1fb;stroke:#7c9cc9}.edge{fill:#fff4dc;stroke:#c9a552}.line{stroke:#aab4c0;fill:none}
.live{fill:#cfe0f7;stroke:#3c6fb5}.buffer{fill:#7c9cc9;fill-opacity:.55;stroke:#3c6fb5;stroke-width:.4}
.peak{stroke:#c0392b;stroke-dasharray:4 3}.muted{color:#5b6675}
";

/// Sorts a table by the column whose head is clicked.
const SCRIPT: &str = "
document.querySelectorAll('th').forEach(h=>h.addEventListener('click',()=>{
const t=h.closest('table'),i=[...h.parentNode.children].indexOf(h),b=t.tBodies[0];
const d=t.dataset.by==i?-1:1;t.dataset.by=d>0?i:'';
const v=r=>{const c=r.cells[i];return c.dataset.v===undefined?c.textContent:+c.dataset.v};
[...b.rows].sort((x,y)=>{const p=v(x),q=v(y);return d*(p<q?1:p>q?-1:0)}).forEach(r=>b.append(r))}));
";

/// The page of an artifact or, without kernels and memory, of a graph.
pub fn page(
    name: &str,
    diagram: &Diagram,
    kernels: Option<&[KernelRow]>,
    memory: Option<&MemoryReport>,
) -> String {
    let mut page = String::new();
    let title = escape(name);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">");
    page.push_str(&format!(
        "<title>{title} · graphc</title><style>{STYLE}</style></head><body>\n"
    ));
    page.push_str(&format!(
        "<header><h1>{title}</h1><p>{}</p></header>\n",
        summary(diagram, kernels, memory)
    ));
    if let Some(memory) = memory {
        memory_section(&mut page, memory);
    }
    if let Some(kernels) = kernels {
        kernel_section(&mut page, kernels);
    }
    graph_section(&mut page, diagram);
    page.push_str(&format!("<script>{SCRIPT}</script></body></html>\n"));
    page
}

fn summary(
    diagram: &Diagram,
    kernels: Option<&[KernelRow]>,
    memory: Option<&MemoryReport>,
) -> String {
    let mut facts = Vec::new();
    match kernels {
        Some(kernels) => facts.push(format!("{} launches", kernels.len())),
        None => {
            let n_nodes = diagram.nodes.iter().filter(|node| !node.is_border).count();
            facts.push(format!("{n_nodes} nodes"));
        }
    }
    if let Some(memory) = memory {
        facts.push(format!("{} of weights", bytes(memory.weights_bytes as u64)));
        facts.push(format!(
            "{} of memory at {}",
            bytes(memory.peak_bytes as u64),
            dims(&memory.dims)
        ));
    }
    facts.join(" · ")
}

fn dims(sizes: &Sizes) -> String {
    if sizes.is_empty() {
        return "fixed sizes".to_owned();
    }
    let shown: Vec<String> = sizes
        .iter()
        .map(|(name, size)| format!("{}={size}", escape(name)))
        .collect();
    shown.join(", ")
}

fn kernel_section(page: &mut String, kernels: &[KernelRow]) {
    page.push_str("<section><h2>Kernels</h2><div class=\"scroll\"><table><thead><tr>");
    for (head, class) in [
        ("#", "n"),
        ("kernel", ""),
        ("kind", ""),
        ("dtype", ""),
        ("flops", "n"),
        ("bytes", "n"),
        ("scratch", "n"),
        ("code", ""),
        ("nodes", ""),
    ] {
        page.push_str(&format!("<th class=\"{class}\">{head}</th>"));
    }
    page.push_str("</tr></thead><tbody>\n");
    for (at, row) in kernels.iter().enumerate() {
        let kind = serde_json::to_string(&row.kind).unwrap_or_default();
        page.push_str(&format!(
            "<tr><td class=\"n\" data-v=\"{at}\">{at}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td>\
             <td class=\"n\" data-v=\"{}\">{}</td><td>{}</td><td class=\"s\">{}</td></tr>\n",
            escape(&row.name),
            kind.trim_matches('"'),
            row.dtype,
            row.flops,
            count(row.flops),
            row.bytes,
            bytes(row.bytes),
            row.shared_bytes,
            bytes(row.shared_bytes),
            escape(&row.implementation),
            escape(&row.sources.join(", ")),
        ));
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn memory_section(page: &mut String, memory: &MemoryReport) {
    page.push_str(&format!(
        "<section><h2>Memory over time</h2><p class=\"muted\">{} in the arena at {}; no packing needs less than {}. \
         Weights are mapped and not counted.</p>\n",
        bytes(memory.peak_bytes as u64),
        dims(&memory.dims),
        bytes(memory.live_bytes as u64)
    ));
    for body in memory.bodies.iter().filter(|body| !body.buffers.is_empty()) {
        page.push_str(&format!("<h3>{}</h3>\n", escape(&body.name)));
        chart(page, body);
        page.push_str("<h3>Live at the peak</h3><table><thead><tr><th>value</th><th>type</th><th class=\"n\">bytes</th><th class=\"n\">steps</th><th>nodes</th></tr></thead><tbody>\n");
        for &at in &body.live_at_peak {
            let buffer = &body.buffers[at];
            page.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\">{} to {}</td><td class=\"s\">{}</td></tr>\n",
                escape(&buffer.name),
                escape(&buffer.ty),
                buffer.bytes,
                bytes(buffer.bytes as u64),
                buffer.first,
                buffer.last,
                escape(&buffer.sources.join(", ")),
            ));
        }
        page.push_str("</tbody></table>\n");
    }
    page.push_str("</section>\n");
}

/// Live bytes by step above, the arena with its buffers below.
fn chart(page: &mut String, body: &BodyMemory) {
    let last = body
        .buffers
        .iter()
        .map(|buffer| buffer.last + 1)
        .max()
        .unwrap_or(1)
        .max(1);
    let most = body.arena_bytes.max(1) as f64;
    let x = |step: usize| step as f64 / last as f64 * CHART_WIDTH;
    let height = |bytes: usize| bytes as f64 / most * CHART_HEIGHT;
    let total = CHART_HEIGHT * 2.0 + 40.0;
    let _ = write!(
        page,
        "<div class=\"scroll\"><svg viewBox=\"0 0 {CHART_WIDTH} {total}\" width=\"100%\" role=\"img\">"
    );
    let mut line = format!("M0 {CHART_HEIGHT}");
    for step in &body.steps {
        let _ = write!(
            line,
            "L{:.1} {:.1}L{:.1} {:.1}",
            x(step.step),
            CHART_HEIGHT - height(step.live_bytes),
            x(step.step + 1),
            CHART_HEIGHT - height(step.live_bytes)
        );
    }
    let _ = write!(
        page,
        "<path class=\"live\" d=\"{line}L{CHART_WIDTH} {CHART_HEIGHT}Z\"/>"
    );
    let _ = write!(
        page,
        "<line class=\"peak\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{total}\"/><text x=\"4\" y=\"12\">live bytes by step, up to {1}</text>",
        x(body.peak_step) + 0.5,
        bytes(body.live_bytes as u64)
    );
    let top = CHART_HEIGHT + 30.0;
    let _ = write!(
        page,
        "<text x=\"4\" y=\"{:.0}\">buffers in the arena: step across, offset down</text>",
        top - 6.0
    );
    for buffer in body.buffers.iter().filter(|buffer| buffer.bytes > 0) {
        let _ = write!(
            page,
            "<rect class=\"buffer\" x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\"><title>{} {}\n{} at {}, steps {} to {}</title></rect>",
            x(buffer.first),
            top + height(buffer.offset),
            x(buffer.last + 1) - x(buffer.first),
            height(buffer.bytes).max(0.3),
            escape(&buffer.name),
            escape(&buffer.ty),
            bytes(buffer.bytes as u64),
            buffer.offset,
            buffer.first,
            buffer.last,
        );
    }
    page.push_str("</svg></div>\n");
}

fn graph_section(page: &mut String, diagram: &Diagram) {
    page.push_str("<section><h2>Graph</h2>");
    let shown = diagram.nodes.len().min(MAX_BOXES);
    if shown < diagram.nodes.len() {
        let _ = write!(
            page,
            "<p class=\"muted\">The first {shown} of {} boxes.</p>",
            diagram.nodes.len()
        );
    }
    // Regions stand below the main graph.
    let mut first_row: BTreeMap<usize, usize> = BTreeMap::new();
    let mut rows = 0;
    let n_groups = diagram
        .nodes
        .iter()
        .map(|node| node.group + 1)
        .max()
        .unwrap_or(0);
    for group in 0..n_groups {
        first_row.insert(group, rows);
        let levels = diagram.nodes[..shown]
            .iter()
            .filter(|node| node.group == group);
        rows += levels
            .map(|node| node.level + 1)
            .max()
            .map_or(0, |levels| levels + 1);
    }
    let mut in_row: BTreeMap<usize, usize> = BTreeMap::new();
    let places: Vec<(usize, usize)> = diagram.nodes[..shown]
        .iter()
        .map(|node| {
            let row = first_row.get(&node.group).copied().unwrap_or(0) + node.level;
            let column = in_row.entry(row).or_default();
            *column += 1;
            (
                (*column - 1) * (BOX_WIDTH + GAP_X) + GAP_X,
                row * (BOX_HEIGHT + GAP_Y) + GAP_Y,
            )
        })
        .collect();
    let width = places
        .iter()
        .map(|(x, _)| x + BOX_WIDTH + GAP_X)
        .max()
        .unwrap_or(0);
    let height = places
        .iter()
        .map(|(_, y)| y + BOX_HEIGHT + GAP_Y)
        .max()
        .unwrap_or(0);
    let _ = write!(
        page,
        "<div class=\"scroll\"><svg width=\"{width}\" height=\"{height}\" role=\"img\">"
    );
    for edge in diagram
        .edges
        .iter()
        .filter(|edge| edge.from < shown && edge.to < shown)
    {
        let ((x1, y1), (x2, y2)) = (places[edge.from], places[edge.to]);
        let (x1, y1, x2) = (x1 + BOX_WIDTH / 2, y1 + BOX_HEIGHT, x2 + BOX_WIDTH / 2);
        let bend = GAP_Y / 2;
        let _ = write!(
            page,
            "<path class=\"line\" d=\"M{x1} {y1}C{x1} {} {x2} {} {x2} {y2}\"><title>{}</title></path>",
            y1 + bend,
            y2.saturating_sub(bend),
            escape(&edge.label)
        );
    }
    for (node, (x, y)) in diagram.nodes.iter().zip(&places) {
        let class = if node.is_border { "edge" } else { "box" };
        let _ = write!(
            page,
            "<g><title>{}\n{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"4\"/>\
             <text class=\"t\" x=\"{}\" y=\"{}\">{}</text><text class=\"d\" x=\"{}\" y=\"{}\">{}</text></g>",
            escape(&node.title),
            escape(&node.detail),
            x + 6,
            y + 14,
            escape(&short(&node.title, 22)),
            x + 6,
            y + 28,
            escape(&short(&node.detail, 24)),
        );
    }
    page.push_str("</svg></div></section>\n");
}

/// The end of a long text: names of nodes differ there.
fn short(text: &str, n_chars: usize) -> String {
    let n = text.chars().count();
    if n <= n_chars {
        return text.to_owned();
    }
    let end: String = text.chars().skip(n - n_chars + 1).collect();
    format!("…{end}")
}

/// A number of bytes for people.
fn bytes(n: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut amount = n as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < units.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", units[unit])
}

/// A large count for people.
fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{:.1} k", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", n as f64 / 1e6),
        _ => format!("{:.2} G", n as f64 / 1e9),
    }
}

/// Text inside HTML, in content and attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
