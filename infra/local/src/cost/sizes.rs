//! What a deployment costs a month by its size, with each kind of OpenSearch.

use super::{
    counted::{Assumed, Counted},
    idle,
    markdown::{table, usd},
    prices::{self, HOURS, MILLION},
    turn,
};
use crate::{error::Error, template::Template};

/// Workers that an awake collection of the next generation searches with, each taken for one OCU.
/// <https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html>
const SEARCHERS: f64 = 2.0;
/// Hours until a collection that nobody asks sleeps; as above.
const AWAKE: f64 = 10.0 / 60.0;
/// The disk of the smallest domain, in GB: the least that gp3 takes.
const DISK: f64 = 10.0;

/// What each kind of OpenSearch costs when nobody asks.
pub(super) fn searches() -> String {
    let ocu = |ocu: f64| usd(prices::SEARCH_OCU.of(ocu * HOURS));
    let (node, disk) = (prices::SEARCH_SMALL.of(HOURS), prices::SEARCH_GP3.of(DISK));
    let asleep = format!(
        "and {} a GB and month; {SEARCHERS} OCU while somebody asks and for ten minutes after, {} if that is always. The question that wakes it waits 10 to 30 s",
        prices::SEARCH_SERVERLESS_STORAGE.usd,
        ocu(SEARCHERS)
    );
    let alone = format!(
        "one t3.small.search at {} and {DISK} GB of gp3 at {}: one node, so one copy",
        usd(node),
        usd(disk)
    );
    let rows = [
        (
            "one that exists already",
            usd(0.0),
            "here; it costs what it costs where it is".to_owned(),
        ),
        ("a collection of the next generation", usd(0.0), asleep),
        ("a domain", usd(node + disk), alone),
        (
            "a classic collection, for comparison",
            ocu(2.0),
            "2 OCU at least".to_owned(),
        ),
    ];
    let rows = rows.map(|(what, usd, why)| vec![what.to_owned(), usd, why]);
    table(&["OpenSearch", "USD a month", "what"], rows)
}

/// The table of a month by turns. Nothing is taken off for allowances.
///
/// # Errors
/// When the template lacks a function, or nobody knows a price.
pub(super) fn by_turns(template: &Template, counted: &Counted, assumed: &Assumed) -> Result<String, Error> {
    let resting = idle::total(template, &counted.tick)?;
    let parts = turn::parts(template, &counted.turn, assumed)?;
    let of = |model| -> f64 {
        let parts = parts.iter().filter(|part| part.model == model);
        parts.map(|part| part.usd).sum()
    };
    let (own, models) = (of(false) / MILLION, of(true) / MILLION);
    let domain = prices::SEARCH_SMALL.of(HOURS) + prices::SEARCH_GP3.of(DISK);
    let sizes = [("none", 0.0), ("1,000", 1e3), ("100,000", 1e5), ("1,000,000", 1e6)];
    let rows = sizes.map(|(label, turns)| {
        // At the most: each turn comes by itself.
        let awake = HOURS.min(turns * AWAKE);
        let serverless = prices::SEARCH_OCU.of(awake * SEARCHERS);
        let all = resting + turns * (own + models);
        let cells = [
            resting,
            turns * own,
            turns * models,
            all,
            all + serverless,
            all + domain,
        ];
        [vec![label.to_owned()], cells.map(usd).to_vec()].concat()
    });
    let head = [
        "turns a month",
        "idle",
        "turns",
        "models",
        "sum, OpenSearch not counted",
        "with a collection, at most",
        "with a domain",
    ];
    Ok(table(&head, rows))
}
