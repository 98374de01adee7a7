//! Words that the offline model knows something about: those that only frame a question, and those that mean the same.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use shared::text::stems;

/// Words that say how something is asked, or which side of a topic, but not the topic: an answer rarely repeats them.
const FRAME: &str = "many much long often far big large small kind kinds type sort way ways thing things anything something \
    everything someone anyone people person year know want wants need needs happen happens like explain describe list show \
    find look summarize summarise summary overview mention mentions mentioned state states stated cover covers question answer \
    talk talks discuss mean means work works use used make makes take takes go goes come see think help \
    policy policies rule rules procedure process guideline guidelines guidance detail details information info requirement \
    requirements amount number total limit allowance option options deadline document documents text file page section \
    handbook manual guide source company organization organisation employer firm new old current currently exactly \
    usually normally still ever even now today first next same different possible allowed available able allow \
    entitled eligible offer offers offered provide provides provided give given gives include includes included \
    keep put set start try tell over per each every between without during against within through up down \
    there's what's i'm don't doesn't isn't re ve ll d m hey hi hello thanks thank ok okay main key important best good right correct package \
    cost costs price day days once define definition concern concerns concerning regarding related relevant";

/// Groups of words that stand for each other in everyday documents.
const SAME: &[&str] = &[
    "vacation holiday holidays leave pto annual",
    "salary pay wage wages paid compensation paycheck",
    "employee employees staff worker workers personnel hr human",
    "remote remotely home telework wfh",
    "sick sickness illness ill medical",
    "maternity paternity parental pregnancy baby",
    "reimburse reimbursement reimbursed expense expenses refund",
    "manager supervisor boss lead",
    "quit resign resignation terminate termination fired dismissal",
    "buy purchase purchasing order",
    "cost costs price prices fee fees charge fine",
    "begin start starting commence",
    "request requests ask apply application submit",
    "approve approval approves permission authorize authorise",
    "benefit benefits perk perks insurance",
    "hotel lodging accommodation",
    "flight flights airfare fly plane airline",
    "meal meals food dinner lunch breakfast diem",
    "car vehicle drive mileage",
    "computer laptop pc",
    "phone telephone mobile cell",
    "error fault failure broken defect malfunction",
    "clean cleaning wash rinse",
    "repair fix maintenance service",
    "install installation setup mount",
    "warranty guarantee",
    "weight weigh weighs heavy kg pounds",
    "size dimensions measure measures width height",
    "carry carried rollover roll forward",
    "overtime extra",
    "password credential credentials login",
    "delete remove erase",
    "training course courses education learning",
    "hours schedule shift",
    "lose loses lost loss",
    "notice advance ahead beforehand",
];

static FRAME_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| stems(FRAME).into_iter().collect());

static GROUP_OF: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let groups = SAME.iter().enumerate();
    groups
        .flat_map(|(group, words)| stems(words).into_iter().map(move |stem| (stem, group)))
        .collect()
});

/// Whether a stem only frames a question.
pub(super) fn frames(stem: &str) -> bool {
    FRAME_STEMS.contains(stem)
}

/// How well a stem of the question is matched by a stem of a text: 1 the same, .8 nearly so, 0 not.
pub(super) fn likeness(asked: &str, written: &str) -> f64 {
    if asked == written {
        return 1.0;
    }
    let near = share_a_root(asked, written)
        || GROUP_OF
            .get(asked)
            .is_some_and(|group| GROUP_OF.get(written) == Some(group));
    if near { 0.8 } else { 0.0 }
}

/// Forms that the stemmer keeps apart (`employ`, `employe`): one begins with the other, which is long enough to mean something.
fn share_a_root(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.len() >= 6 && long.len() <= short.len() + 3 && long.starts_with(short)
}
