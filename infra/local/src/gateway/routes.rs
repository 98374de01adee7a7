//! Which function a request belongs to: the most specific resource that matches, with a method that fits.

use std::cmp::Reverse;

use http::Method;

/// A resource of the API with one method and what takes its requests.
#[derive(Debug)]
pub struct Entry<T> {
    /// The resource's path as the template spells it.
    pub resource: String,
    segments: Vec<Segment>,
    method: Option<Method>,
    /// What takes the requests.
    pub target: T,
}

/// All resources, the most specific first.
#[derive(Debug)]
pub struct Routes<T>(Vec<Entry<T>>);

/// Names and values of a path's variable parts.
pub type PathParameters<'a> = Vec<(&'a str, &'a str)>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    Parameter(String),
    Greedy(String),
}

impl<T> Routes<T> {
    /// Builds the table from path, method (`ANY` for all) and target.
    pub fn new(routes: impl IntoIterator<Item = (String, String, T)>) -> Self {
        let mut entries: Vec<Entry<T>> = routes
            .into_iter()
            .map(|(resource, method, target)| Entry {
                segments: parts(&resource).map(Segment::parse).collect(),
                method: Method::from_bytes(method.to_uppercase().as_bytes())
                    .ok()
                    .filter(|_| !method.eq_ignore_ascii_case("any")),
                resource,
                target,
            })
            .collect();
        // A stated method goes before ANY.
        entries.sort_by(|a, b| {
            let specificity = a
                .segments
                .iter()
                .map(Segment::rank)
                .cmp(b.segments.iter().map(Segment::rank));
            specificity.then_with(|| Reverse(a.method.is_some()).cmp(&Reverse(b.method.is_some())))
        });
        Self(entries)
    }

    /// The entry for a request. A resource that matches without a fitting method is passed over, as API Gateway does.
    pub fn find<'a>(&'a self, method: &Method, path: &'a str) -> Option<(&'a Entry<T>, PathParameters<'a>)> {
        self.0
            .iter()
            .filter(|entry| entry.method.as_ref().is_none_or(|its| its == method))
            .find_map(|entry| Some((entry, entry.matches(path)?)))
    }
}

impl<T> Entry<T> {
    fn matches<'a>(&'a self, path: &'a str) -> Option<PathParameters<'a>> {
        let mut found = Vec::new();
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        for (n, segment) in self.segments.iter().enumerate() {
            if rest.is_empty() {
                return None;
            }
            let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
            match segment {
                Segment::Exact(text) if text == part => {}
                Segment::Exact(_) => return None,
                Segment::Parameter(_) if part.is_empty() => return None,
                Segment::Parameter(name) => found.push((name.as_str(), part)),
                Segment::Greedy(name) => {
                    debug_assert_eq!(n + 1, self.segments.len(), "a greedy part is the last");
                    found.push((name.as_str(), rest));
                    return Some(found);
                }
            }
            rest = after;
        }
        rest.is_empty().then_some(found)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
            None => Self::Exact(text.to_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Exact(_) => 0,
            Self::Parameter(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<u8> {
        let listed = [
            ("/{proxy+}", "ANY", 0),
            ("/api/threads/{id}", "GET", 1),
            ("/api/threads/mine", "ANY", 2),
            ("/api/threads/{id}/messages", "ANY", 3),
            ("/api/ai/chat", "ANY", 4),
            ("/api/ai/chat/{proxy+}", "ANY", 5),
            ("/", "ANY", 6),
            ("/api/threads/mine", "DELETE", 7),
        ];
        Routes::new(listed.map(|(path, method, target)| (path.to_owned(), method.to_owned(), target)))
    }

    fn found(method: Method, path: &str) -> (u8, Vec<(String, String)>) {
        let routes = routes();
        let (entry, parameters) = routes.find(&method, path).unwrap();
        (
            entry.target,
            parameters
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn exact_beats_parameter_beats_greedy() {
        assert_eq!(found(Method::GET, "/api/threads/mine").0, 2);
        assert_eq!(
            found(Method::GET, "/api/threads/7"),
            (1, vec![("id".into(), "7".into())])
        );
        assert_eq!(found(Method::GET, "/api/threads/7/messages").0, 3);
        assert_eq!(found(Method::GET, "/api/threads/7/other").0, 0);
    }

    #[test]
    fn a_greedy_path_does_not_match_its_base() {
        assert_eq!(found(Method::POST, "/api/ai/chat").0, 4);
        assert_eq!(found(Method::POST, "/api/ai/chat/").0, 4);
        assert_eq!(
            found(Method::POST, "/api/ai/chat/stream/x"),
            (5, vec![("proxy".into(), "stream/x".into())])
        );
        assert_eq!(found(Method::GET, "/").0, 6);
    }

    #[test]
    fn a_method_that_does_not_fit_falls_through_to_the_greedy_path() {
        assert_eq!(found(Method::POST, "/api/threads/7").0, 0);
        assert_eq!(found(Method::DELETE, "/api/threads/mine").0, 7);
    }

    #[test]
    fn without_a_greedy_path_nothing_is_found() {
        let routes = Routes::new([("/x/{proxy+}".to_owned(), "ANY".to_owned(), ())]);
        assert!(routes.find(&Method::GET, "/x").is_none());
        assert!(routes.find(&Method::GET, "/y").is_none());
    }
}
