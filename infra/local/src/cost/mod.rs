//! What a deployment costs: a month without traffic, resource by resource of template.yaml, and a million turns, component by
//! component of what was counted. docs/cost.md holds what this prints.

mod counted;
mod deliveries;
mod idle;
mod kinds;
mod markdown;
pub mod prices;
mod sizes;
#[cfg(test)]
mod tests;
mod turn;

pub use counted::{Assumed, Counted, Delivered, Turn, Work};
pub use idle::{Item, always_on, items};
pub use kinds::Idle;

use markdown::{number, table};

use crate::{
    error::Error,
    template::{OWN, Template},
};

/// The project's own template as `sam deploy` would take it, with each parameter at its default.
///
/// # Errors
/// When it cannot be read.
pub fn own() -> Result<Template, Error> {
    let mut template = Template::parse(OWN, "docent")?;
    template.fill_in();
    Ok(template)
}

/// All tables, as Markdown.
///
/// # Errors
/// When the template cannot be read, or has what nobody said the price of.
pub fn report(template: &Template, counted: &Counted, assumed: &Assumed) -> Result<String, Error> {
    let sections = [
        ("A month without traffic", idle::tables(template, &counted.tick)?),
        ("OpenSearch when nobody asks", sizes::searches()),
        ("A million turns", turn::bill(template, &counted.turn, assumed)?),
        ("A month by turns", sizes::by_turns(template, counted, assumed)?),
        (
            "A million deliveries to webhooks",
            deliveries::bill(template, &counted.deliveries, assumed)?,
        ),
        ("Prices", priced()),
    ];
    let sections = sections.map(|(title, text)| format!("## {title}\n\n{text}"));
    Ok(sections.join("\n"))
}

fn priced() -> String {
    let rows = prices::ALL.iter().map(|price| {
        let free = match price.free {
            0.0 => String::new(),
            free => number(free),
        };
        let page = format!(
            "[{}](https://aws.amazon.com{})",
            price.page.trim_matches('/'),
            price.page
        );
        vec![
            price.what.to_owned(),
            price.usd.to_string(),
            format!("{} {}", number(price.per), price.unit),
            free,
            page,
            price.seen.to_owned(),
        ]
    });
    let head = ["what", "USD", "for", "free each month", "AWS's page", "figure read at"];
    format!("As of {}, us-east-1.\n\n{}", prices::AS_OF, table(&head, rows))
}
