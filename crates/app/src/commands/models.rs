//! `chatai models`: what can answer, where, at what price, and why not.
//!
//! Asks every provider for its models, as the service does. The database is not opened: what administrators set is shown
//! by `GET /admin/models`.

use crate::{
    commands::block_on,
    failure::Failure,
    output,
    vendors::{self, Asked},
    wiring,
};
use chatai_config::Flags;
use chatai_engine::{BUILT_IN, Catalog, Model, overview};

pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let config = wiring::load(flags)?.config;
    let data = wiring::catalog(&config)?;
    let settings = wiring::model_settings(&config, &data)?;
    let vendors = vendors::vendors(&config)?;
    let asked = block_on(async { Ok(vendors::ask_all(&vendors).await) })?;
    let discovered: Vec<_> = vendors
        .iter()
        .zip(&asked)
        .map(|(vendor, asked)| match asked {
            Asked::Offered(models) if vendor.discover => models.clone(),
            _ => Vec::new(),
        })
        .collect();
    let catalog: Catalog = overview(&data, &vendors, &discovered);
    let rows: Vec<[String; 5]> = catalog
        .models()
        .iter()
        .map(|model| {
            let place = model.served_by();
            let vendor = place.map(|place| vendors[place].name.clone());
            [
                model.name.clone(),
                vendor.unwrap_or_else(|| "-".to_owned()),
                price(model),
                window(model),
                state(model, place.map(|place| &asked[place])),
            ]
        })
        .collect();
    let heads = ["model", "provider", "$ per million in/out", "window", ""].map(str::to_owned);
    table(&heads, &rows)?;
    for (alias, members) in &settings.aliases {
        output::say(format_args!("\n{alias} = {}", members.join(", ")))?;
    }
    output::say(format_args!("\n"))
}

/// Whether it can answer, and why not.
fn state(model: &Model, asked: Option<&Asked>) -> String {
    let deprecated = model
        .deprecated
        .as_ref()
        .map(|date| format!(", goes on {date}"))
        .unwrap_or_default();
    let purpose = if model.embeds { "embeds" } else { "can answer" };
    match asked {
        None if model.name == BUILT_IN => purpose.to_owned(),
        None => "its provider is not configured".to_owned(),
        Some(Asked::Failed(reason)) => format!("provider: {reason}"),
        Some(Asked::Offered(offered))
            if offered.is_empty() || offered.iter().any(|known| known.id == model.id) =>
        {
            format!("{purpose}{deprecated}")
        }
        Some(Asked::Offered(_)) => format!("not among the models that its provider names{deprecated}"),
    }
}

fn price(model: &Model) -> String {
    model.rates.map_or("unknown".to_owned(), |rates| {
        format!("{} / {}", rates.input.per_million(), rates.output.per_million())
    })
}

fn window(model: &Model) -> String {
    format!("{}k", model.context_window / 1_000)
}

fn table(heads: &[String; 5], rows: &[[String; 5]]) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = rows.iter().chain([heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    for row in [heads].into_iter().chain(rows) {
        let cells = row.iter().zip(widths.iter().chain([&0]));
        let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        output::say(format_args!("{}\n", cells.join("  ").trim_end()))?;
    }
    Ok(())
}
