//! Lists of ids in a body, within which something is to be found.

use crate::error::Error;

/// Most ids of a list.
const MAX_IDS: usize = 1_000;

/// A list of ids to search within; empty = no limit. Malformed ids match nothing: a list of nothing else becomes one id that
/// nothing has.
///
/// # Errors
/// 400 naming `field` when there are too many.
pub fn id_list<I>(
    field: &str,
    ids: Option<Vec<String>>,
    parse: fn(String) -> Option<I>,
    unknown: fn() -> I,
) -> Result<Vec<I>, Error> {
    let stated = ids.unwrap_or_default();
    if stated.len() > MAX_IDS {
        return Err(Error::field(field, format!("must list at most {MAX_IDS} ids")));
    }
    let asked = !stated.is_empty();
    let mut ids: Vec<I> = stated.into_iter().filter_map(parse).collect();
    if asked && ids.is_empty() {
        ids.push(unknown());
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DocumentId;

    #[test]
    fn malformed_ids_match_nothing_rather_than_everything() {
        let list = |ids: &[&str]| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            id_list("documentIds", Some(ids), DocumentId::parse, DocumentId::new)
        };
        assert!(list(&[]).unwrap().is_empty());
        assert_eq!(list(&[""]).unwrap().len(), 1);
        assert_eq!(list(&["", "a"]).unwrap(), [DocumentId::parse("a").unwrap()]);
        assert!(list(&["a"; MAX_IDS + 1]).is_err());
    }
}
