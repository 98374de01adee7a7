//! The verbs of the table, whatever DynamoDB it is in: the embedded one, or with `DOCENT_TEST_DYNAMODB_URL` another.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::{
    ids::TenantId,
    store::{Condition, Counted, Key, Partition, Query, Row, Table, Transaction, TransactionError, Update, sort},
};

use crate::support::{run, stack};

/// A row with something of each kind that rows hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thing {
    tenant: TenantId,
    place: String,
    color: String,
    size: i64,
    tags: Vec<String>,
    more: HashMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Thing {
    fn new(tenant: &TenantId, place: &str, color: &str) -> Self {
        Self {
            tenant: tenant.clone(),
            place: place.to_owned(),
            color: color.to_owned(),
            size: 1,
            tags: vec!["ä".to_owned(), String::new()],
            more: HashMap::from([("share".to_owned(), 0.25)]),
            note: None,
        }
    }

    fn at(tenant: &TenantId, place: &str) -> Key {
        partition(tenant).at(sort("THING", &[place]))
    }
}

impl Row for Thing {
    fn key(&self) -> Key {
        Self::at(&self.tenant, &self.place)
    }

    fn gsi1(&self) -> Option<Key> {
        let colored = Partition::tenant(&self.tenant, &["COLOR", &self.color]);
        (self.color != "none").then(|| colored.at(sort("THING", &[&self.place])))
    }

    fn gsi2(&self) -> Option<Key> {
        Some(Partition::tenant(&self.tenant, &["ALL"]).at(sort("THING", &[&self.place])))
    }

    fn expires_at(&self) -> Option<i64> {
        Some(4_000_000_000)
    }
}

fn partition(tenant: &TenantId) -> Partition {
    Partition::tenant(tenant, &["THINGS"])
}

/// A tenant's part of the table with things `0`, `1` … of these colors.
async fn things(colors: &[&str]) -> (&'static Table, TenantId) {
    let (table, tenant) = (&stack().await.app().table, TenantId::new());
    for (place, color) in colors.iter().enumerate() {
        table
            .put(&Thing::new(&tenant, &place.to_string(), color))
            .await
            .unwrap();
    }
    (table, tenant)
}

async fn get(table: &Table, tenant: &TenantId, place: &str) -> Option<Thing> {
    table.get(&Thing::at(tenant, place)).await.unwrap()
}

fn places(things: &[Thing]) -> String {
    things.iter().map(|thing| thing.place.as_str()).collect()
}

#[test]
fn a_row_comes_back_as_it_was_put_and_only_the_first_is_new() {
    run(async {
        let (table, tenant) = things(&[]).await;
        let thing = Thing::new(&tenant, "a", "red");
        assert!(table.put_new(&thing).await.unwrap());
        assert!(!table.put_new(&Thing::new(&tenant, "a", "blue")).await.unwrap());
        assert_eq!(get(table, &tenant, "a").await, Some(thing));
        table.delete(&Thing::at(&tenant, "a")).await.unwrap();
        table.delete(&Thing::at(&tenant, "a")).await.unwrap();
        assert_eq!(get(table, &tenant, "a").await, None);
    });
}

#[test]
fn an_update_happens_when_all_of_its_conditions_hold() {
    run(async {
        let (table, tenant) = things(&["red"]).await;
        let key = Thing::at(&tenant, "0");
        let grow = |condition| Update::at(key.clone()).add("size", 2).when(condition);
        let red = || Condition::is("color", &"red").unwrap();
        let holds = [
            red(),
            Condition::Exists,
            Condition::Lacks("note"),
            Condition::below("size", &8).unwrap(),
        ];
        for condition in holds {
            assert!(table.update(grow(condition.clone())).await.unwrap(), "{condition:?}");
        }
        let fails = [
            Condition::is("color", &"blue").unwrap(),
            Condition::Absent,
            Condition::Lacks("size"),
            Condition::below("size", &9).unwrap(),
            Condition::below("note", &"z").unwrap(),
            Condition::is("more.share", &0.5).unwrap(),
        ];
        for condition in fails {
            let both = grow(condition.clone()).when(red());
            assert!(!table.update(both).await.unwrap(), "{condition:?}");
        }
        let nested = Condition::is("more.share", &0.25).unwrap();
        let update = Update::at(key.clone()).set("note", &"new").unwrap().when(nested);
        assert!(table.update(update).await.unwrap());
        let thing = get(table, &tenant, "0").await.unwrap();
        assert_eq!((thing.size, thing.note.as_deref()), (9, Some("new")));
    });
}

#[test]
fn an_update_that_gives_the_row_sets_adds_and_removes_at_once() {
    run(async {
        let (table, tenant) = things(&["red"]).await;
        let update = Update::at(Thing::at(&tenant, "0")).set("note", &"old").unwrap();
        let thing: Thing = table.update_and_get(update).await.unwrap();
        assert_eq!(thing.note.as_deref(), Some("old"));
        let update = Update::at(Thing::at(&tenant, "0"))
            .add("size", -3)
            .set("color", &"blue")
            .unwrap()
            .set_or_remove::<String>("note", None)
            .unwrap()
            .index1_or_remove(None);
        let thing: Thing = table.update_and_get(update).await.unwrap();
        assert_eq!((thing.size, thing.color.as_str(), thing.note), (-2, "blue", None));
        let red = Partition::tenant(&tenant, &["COLOR", "red"]);
        assert!(table.index1::<Thing>(&red, 9).await.unwrap().is_empty());
    });
}

#[test]
fn a_query_reads_a_range_in_either_order_page_by_page() {
    run(async {
        let (table, tenant) = things(&["red", "blue", "red", "red", "blue"]).await;
        let mut newest = Query {
            limit: Some(2),
            ..Query::newest(partition(&tenant), "THING")
        };
        let mut seen = Vec::new();
        loop {
            let page = table.query::<Thing>(newest.clone()).await.unwrap();
            seen.push(places(&page.items));
            newest.after = page.next;
            if newest.after.is_none() {
                break;
            }
        }
        assert_eq!(seen.concat(), "43210");
        assert_eq!(seen[..2], ["43", "21"]);
        let between = (sort("THING", &["1"]), sort("THING", &["3"]));
        let range = Query {
            between,
            ..Query::whole(partition(&tenant))
        };
        assert_eq!(places(&table.query::<Thing>(range).await.unwrap().items), "123");
        let red = Query {
            filter: vec![Condition::is("color", &"red").unwrap()],
            limit: Some(2),
            ..Query::newest(partition(&tenant), "THING")
        };
        let short = table.query::<Thing>(red.clone()).await.unwrap();
        assert_eq!(places(&short.items), "3", "what the filter drops was read all the same");
        let full = table.query_on::<Thing>(red, 100).await.unwrap();
        assert_eq!(places(&full.items), "32");
        assert!(full.next.is_some());
        let none = table.query::<Thing>(Query::whole(Partition::tenant(&tenant, &["NONE"])));
        assert!(none.await.unwrap().items.is_empty());
    });
}

#[test]
fn an_index_has_the_rows_that_say_so_and_pages_through_them() {
    run(async {
        let (table, tenant) = things(&["red", "none", "red", "red", "blue"]).await;
        let red = Partition::tenant(&tenant, &["COLOR", "red"]);
        assert_eq!(places(&table.index1::<Thing>(&red, 9).await.unwrap()), "320");
        assert_eq!(places(&table.index1::<Thing>(&red, 2).await.unwrap()), "32");
        let first = table.index1_page::<Thing>(&red, 2, None).await.unwrap();
        let rest = table.index1_page::<Thing>(&red, 2, first.next).await.unwrap();
        assert_eq!(
            (places(&first.items).as_str(), places(&rest.items).as_str()),
            ("32", "0")
        );
        let all = Partition::tenant(&tenant, &["ALL"]);
        assert_eq!(
            places(&table.index2_page::<Thing>(&all, 9, None).await.unwrap().items),
            "43210"
        );
        let until = sort("THING", &["2"]);
        let mut seen = Vec::new();
        let mut pages = table.index2_pages_until(&all, &until, 2);
        while let Some(page) = pages.next::<Thing>().await.unwrap() {
            assert!(page.len() <= 2);
            seen.extend(page);
        }
        assert_eq!(places(&seen), "012");
    });
}

#[test]
fn rows_are_read_and_deleted_by_the_hundred() {
    run(async {
        let (table, tenant) = things(&["red"; 30]).await;
        let key = |place: usize| Thing::at(&tenant, &place.to_string());
        let keys: Vec<Key> = (0..120).map(key).collect();
        assert_eq!(table.batch_get(&keys).await.unwrap().len(), 30);
        let each = table.get_each([key(29), key(77), key(0)]).await.unwrap();
        let each = each.map(|found| found.map(|found| found.into::<Thing>().unwrap().place));
        assert_eq!(each, [Some("29".to_owned()), None, Some("0".to_owned())]);
        // Twice the same, and some that are not there.
        table.delete_all(&[&keys[1..60], &keys[1..9]].concat()).await.unwrap();
        assert_eq!(table.batch_get(&keys).await.unwrap().len(), 1);
    });
}

#[test]
fn a_transaction_writes_all_or_nothing_and_says_which_condition_failed() {
    run(async {
        let (table, tenant) = things(&["red", "blue"]).await;
        let key = |place: &str| Thing::at(&tenant, place);
        let write = |checked: Condition| {
            let mut transaction = Transaction::default();
            transaction.create(&Thing::new(&tenant, "new", "red")).unwrap();
            transaction.update(Update::at(key("0")).add("size", 1).when(Condition::Exists));
            transaction.check(key("other"), Condition::Absent);
            transaction.delete(key("1"), vec![checked]);
            transaction
        };
        let red = Condition::is("color", &"red").unwrap();
        let failed = table.transact(write(red)).await.unwrap_err();
        assert!(matches!(failed, TransactionError::Condition(3)), "{failed:?}");
        assert_eq!(get(table, &tenant, "new").await, None);
        assert_eq!(get(table, &tenant, "0").await.unwrap().size, 1);
        table.transact(write(Condition::Exists)).await.unwrap();
        assert!(get(table, &tenant, "new").await.is_some());
        assert_eq!(get(table, &tenant, "0").await.unwrap().size, 2);
        assert_eq!(get(table, &tenant, "1").await, None);
        let again = table.transact(write(Condition::Absent)).await.unwrap_err();
        assert!(matches!(again, TransactionError::Condition(0)), "{again:?}");
    });
}

#[test]
fn transactions_that_meet_on_a_row_all_count() {
    run(async {
        let (table, tenant) = things(&["red"]).await;
        let one = async |number: usize| {
            let mut transaction = Transaction::default();
            transaction.update(Update::at(Thing::at(&tenant, "0")).add("size", 1));
            transaction
                .create(&Thing::new(&tenant, &format!("n{number}"), "red"))
                .unwrap();
            table.transact(transaction).await.unwrap();
        };
        futures::future::join_all((0..8).map(one)).await;
        assert_eq!(get(table, &tenant, "0").await.unwrap().size, 9);
    });
}

#[test]
fn counters_go_up_to_their_bounds_together_and_say_where_they_are() {
    run(async {
        let (table, tenant) = things(&[]).await;
        let key = |name: &str| Partition::tenant(&tenant, &["COUNTERS"]).at(sort("C", &[name]));
        let bounds = [("minute".to_owned(), 2), ("day".to_owned(), 9)];
        let now = |counted: Counted| match counted {
            Counted::Taken(now) => (true, now["minute"], now["day"]),
            Counted::Refused(now) => (false, now["minute"], now["day"]),
        };
        for expected in [(true, 1, 1), (true, 2, 2), (false, 2, 2)] {
            let counted = table.count(&key("a"), &bounds, 4_000_000_000).await.unwrap();
            assert_eq!(now(counted), expected);
        }
        let items = [(key("b"), 9), (key("c"), 1)];
        for expected in [None, Some(1)] {
            let full = table.count_all(&items, ["minute", "day"], 4_000_000_000).await.unwrap();
            assert_eq!(full, expected);
        }
        assert_eq!(table.counters(&key("b")).await.unwrap()["day"], 1);
        assert!(table.counters(&key("none")).await.unwrap().is_empty());
    });
}
