//! `graphc ops`.

use crate::output::{Table, json};
use anyhow::Result;
use serde_json::json;

pub(crate) fn run(as_json: bool) -> Result<()> {
    let mut ops: Vec<_> = graphc::supported_ops().collect();
    ops.sort_by_key(|op| (op.domain, op.op_type));
    if as_json {
        let rows: Vec<_> = ops
            .iter()
            .map(|op| json!({ "domain": op.domain, "op_type": op.op_type, "since": op.since }))
            .collect();
        return json(&rows);
    }
    let mut table = Table::new(&["domain", "operator", ">since"]);
    for op in ops {
        table.row([
            op.domain.to_owned(),
            op.op_type.to_owned(),
            op.since.to_string(),
        ]);
    }
    table.print()
}
