//! Makes a Hugging Face style folder (`model.safetensors` in f16, `config.json`, `vocab_gguf.json`) from a GGUF file of
//! the Llama architecture.
//!
//! Rounding from the stored blocks to f16 is to nearest, ties to even, so the same bytes come out on every machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;

use super::gguf::Gguf;
use crate::repo;

/// The fields of `config.json` that a Llama model has, in the names of the Hugging Face format.
#[derive(Serialize)]
struct Config {
    architectures: [&'static str; 1],
    model_type: &'static str,
    hidden_act: &'static str,
    attention_bias: bool,
    mlp_bias: bool,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_key_value_heads: i64,
    head_dim: i64,
    max_position_embeddings: i64,
    rms_norm_eps: f32,
    rope_theta: f32,
    tie_word_embeddings: bool,
    vocab_size: usize,
    bos_token_id: i64,
    eos_token_id: i64,
    torch_dtype: &'static str,
}

/// Tokens in the order of their ids, and the merges of the byte pair encoding.
#[derive(Serialize)]
struct Vocabulary<'a> {
    model: &'a str,
    pre: &'a str,
    tokens: &'a [String],
    merges: &'a [String],
}

/// Reads the GGUF file and writes the three files into `dir`.
pub(super) fn write_safetensors(gguf_path: &Path, dir: &Path) -> Result<()> {
    let bytes =
        fs::read(gguf_path).with_context(|| format!("cannot read {}", gguf_path.display()))?;
    let gguf = Gguf::parse(&bytes)?;
    let (n_heads, n_kv_heads) = (
        gguf.integer("llama.attention.head_count")?,
        gguf.integer("llama.attention.head_count_kv")?,
    );

    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for tensor in &gguf.tensors {
        let mut values = gguf.values(tensor)?;
        if tensor.name.ends_with("attn_q.weight") {
            values = unpermute(&values, &tensor.shape, usize::try_from(n_heads)?)?;
        } else if tensor.name.ends_with("attn_k.weight") {
            values = unpermute(&values, &tensor.shape, usize::try_from(n_kv_heads)?)?;
        }
        let halves = values
            .iter()
            .flat_map(|&value| f16::from_f32(value).to_le_bytes())
            .collect();
        tensors.insert(
            hugging_face_name(&tensor.name)?,
            (tensor.shape.clone(), halves),
        );
    }
    let views = tensors
        .iter()
        .map(|(name, (shape, data))| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)))
        .collect::<Result<Vec<_>>>()?;
    let format = [("format".to_owned(), "pt".to_owned())]
        .into_iter()
        .collect();
    let model = safetensors::serialize(views, Some(format))?;
    repo::write_whole(&dir.join("model.safetensors"), |writer| {
        Ok(writer.write_all(&model)?)
    })?;

    let hidden_size = gguf.integer("llama.embedding_length")?;
    let tokens = gguf.texts("tokenizer.ggml.tokens")?;
    let config = Config {
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        hidden_act: "silu",
        attention_bias: false,
        mlp_bias: false,
        hidden_size,
        intermediate_size: gguf.integer("llama.feed_forward_length")?,
        num_hidden_layers: gguf.integer("llama.block_count")?,
        num_attention_heads: n_heads,
        num_key_value_heads: n_kv_heads,
        head_dim: hidden_size
            .checked_div(n_heads)
            .context("the model has no heads")?,
        max_position_embeddings: gguf.integer("llama.context_length")?,
        rms_norm_eps: gguf.float("llama.attention.layer_norm_rms_epsilon")?,
        rope_theta: gguf.float("llama.rope.freq_base")?,
        tie_word_embeddings: !tensors.contains_key("lm_head.weight"),
        vocab_size: tokens.len(),
        bos_token_id: gguf.integer("tokenizer.ggml.bos_token_id")?,
        eos_token_id: gguf.integer("tokenizer.ggml.eos_token_id")?,
        torch_dtype: "float16",
    };
    repo::write_whole(&dir.join("config.json"), |writer| {
        Ok(serde_json::to_writer_pretty(writer, &config)?)
    })?;
    let vocabulary = Vocabulary {
        model: gguf.text("tokenizer.ggml.model")?,
        pre: gguf.text("tokenizer.ggml.pre")?,
        tokens,
        merges: gguf.texts("tokenizer.ggml.merges")?,
    };
    repo::write_whole(&dir.join("vocab_gguf.json"), |writer| {
        Ok(serde_json::to_writer(writer, &vocabulary)?)
    })
}

/// GGUF stores the rows of each head of the query and key projections with the two halves of the rotary dimension
/// interleaved; this puts the halves one after the other again. `shape` is `[rows, columns]`.
fn unpermute(values: &[f32], shape: &[usize], n_heads: usize) -> Result<Vec<f32>> {
    let &[n_rows, n_columns] = shape else {
        bail!("a projection of shape {shape:?} is not a matrix")
    };
    if n_heads == 0 || !n_rows.is_multiple_of(2 * n_heads) {
        bail!("{n_rows} rows do not divide into {n_heads} heads of even size");
    }
    let half_rows = n_rows / n_heads / 2;
    let mut out = Vec::with_capacity(values.len());
    for head in 0..n_heads {
        for half in 0..2 {
            for pair in 0..half_rows {
                let row = (head * half_rows + pair) * 2 + half;
                out.extend_from_slice(&values[row * n_columns..(row + 1) * n_columns]);
            }
        }
    }
    Ok(out)
}

fn hugging_face_name(name: &str) -> Result<String> {
    let fixed = match name {
        "token_embd.weight" => Some("model.embed_tokens.weight"),
        "output_norm.weight" => Some("model.norm.weight"),
        "output.weight" => Some("lm_head.weight"),
        _ => None,
    };
    if let Some(fixed) = fixed {
        return Ok(fixed.to_owned());
    }
    let (layer, part) = name
        .strip_prefix("blk.")
        .and_then(|rest| rest.strip_suffix(".weight"))
        .and_then(|rest| rest.split_once('.'))
        .with_context(|| format!("tensor {name} is not one of a Llama model"))?;
    let part = match part {
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        _ => bail!("tensor {name} is not one of a Llama model"),
    };
    Ok(format!("model.layers.{layer}.{part}.weight"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpermute_puts_even_rows_of_each_head_before_odd_ones() {
        let rows: Vec<f32> = (0..8).map(|row| row as f32).collect();
        assert_eq!(
            unpermute(&rows, &[8, 1], 2).unwrap(),
            [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]
        );
        assert!(unpermute(&rows, &[8, 1], 3).is_err());
    }

    #[test]
    fn names_of_layers_are_mapped_and_others_refused() {
        assert_eq!(
            hugging_face_name("blk.7.attn_q.weight").unwrap(),
            "model.layers.7.self_attn.q_proj.weight"
        );
        assert!(hugging_face_name("blk.7.attn_q.bias").is_err());
    }
}
