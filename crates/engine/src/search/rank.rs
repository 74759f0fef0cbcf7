//! Which of the rows that have the words are best.

use super::{
    SearchHit,
    plain::plain,
    snippet::snippet,
    wanted::{Run, Wanted},
};
use chatai_store::{
    full_text::{self, Word},
    ops::search::{Hit, Message},
};
use chatai_types::Role;
use std::ops::Range;

/// A title says in few words what a message says in many.
const TITLE_WEIGHT: f64 = 1.5;
/// How soon more of the same word counts no more (`k1` and `b` of BM25), and the length of an ordinary message.
const SATURATION: f64 = 1.2;
const LENGTH_PART: f64 = 0.5;
const ORDINARY_WORDS: f64 = 120.0;
/// What words beside each other, in the order in which they were asked for, are worth.
const NEIGHBOURS: f64 = 0.5;
/// A beginning is worth less than the word itself.
const BEGINNING: f64 = 0.7;

/// A row that fits: how good it is, and where its words stand.
pub(super) struct Ranked {
    score: f64,
    marks: Vec<Range<usize>>,
    hit: Hit,
}

/// The rows that fit.
pub(super) fn ranked(wanted: &Wanted, found: Vec<Hit>) -> Vec<Ranked> {
    let fitting = |hit: Hit| {
        let (score, marks) = score(wanted, text(&hit))?;
        let weight = if hit.message.is_none() { TITLE_WEIGHT } else { 1.0 };
        Some(Ranked {
            score: score * weight,
            marks,
            hit,
        })
    };
    found.into_iter().filter_map(fitting).collect()
}

/// The best of them, with the part around the words; of equals the newer first.
pub(super) fn best(mut ranked: Vec<Ranked>, limit: usize) -> Vec<SearchHit> {
    ranked.sort_by(|a, b| {
        let newer = b.hit.created_at.cmp(&a.hit.created_at);
        b.score
            .total_cmp(&a.score)
            .then(newer)
            .then_with(|| id(&b.hit).cmp(&id(&a.hit)))
    });
    ranked.truncate(limit);
    let hit = |Ranked { marks, hit, .. }: Ranked| SearchHit {
        snippet: around(&hit, &marks),
        conversation_id: hit.conversation_id,
        title: hit.title,
        message: hit.message.map(|message| (message.id, message.role)),
        created_at: hit.created_at,
    };
    ranked.into_iter().map(hit).collect()
}

/// The part of a hit around its words, as it is read: answers are Markdown, questions and titles are what was typed.
fn around(hit: &Hit, marks: &[Range<usize>]) -> String {
    let is_answer = |message: &Message| message.role == Role::Assistant;
    if hit.message.as_ref().is_some_and(is_answer) {
        let (text, marks) = plain(text(hit), marks);
        return snippet(&text, &marks);
    }
    snippet(text(hit), marks)
}

fn text(hit: &Hit) -> &str {
    match &hit.message {
        Some(message) => &message.text,
        None => hit.title.as_deref().unwrap_or_default(),
    }
}

fn id(hit: &Hit) -> (i64, i64) {
    (
        hit.message.as_ref().map_or(0, |message| message.id.0),
        hit.conversation_id.0,
    )
}

/// How good a text is and where its words stand, in order; `None` where a run of words is not in it as a run.
fn score(wanted: &Wanted, text: &str) -> Option<(f64, Vec<Range<usize>>)> {
    let words: Vec<Word> = full_text::words(text).collect();
    let length = 1.0 - LENGTH_PART + LENGTH_PART * words.len() as f64 / ORDINARY_WORDS;
    let mut score = 0.0;
    let mut marks = Vec::new();
    let mut before: Option<Vec<usize>> = None;
    for run in &wanted.runs {
        let (exact, places) = places(run, &words);
        if places.is_empty() {
            return None;
        }
        let weighted = exact as f64 + BEGINNING * (places.len() - exact) as f64;
        score += weighted / (weighted + SATURATION * length);
        if let Some(before) = &before
            && places.iter().any(|place| before.binary_search(place).is_ok())
        {
            score += NEIGHBOURS;
        }
        let end = |place: &usize| place + run.words.len();
        marks.extend(
            places
                .iter()
                .map(|place| words[*place].place.start..words[end(place) - 1].place.end),
        );
        before = Some(places.iter().map(end).collect());
    }
    marks.sort_by_key(|mark| (mark.start, mark.end));
    Some((score, marks))
}

/// Where a run begins, in order, and how many of these are whole words.
fn places(run: &Run, words: &[Word]) -> (usize, Vec<usize>) {
    let mut exact = 0;
    let mut places = Vec::new();
    for (at, window) in words.windows(run.words.len()).enumerate() {
        let whole = window
            .iter()
            .zip(&run.words)
            .all(|(word, asked)| word.folded == *asked);
        let joined = window
            .windows(2)
            .all(|pair| pair[0].place.end == pair[1].place.start);
        if whole && joined {
            exact += 1;
            places.push(at);
        } else if run.is_beginning && window[0].folded.starts_with(&run.words[0]) {
            places.push(at);
        }
    }
    (exact, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::{ConversationId, MessageId, Timestamp};

    fn found(texts: &[&str]) -> Vec<Hit> {
        let hit = |(number, text): (usize, &&str)| Hit {
            conversation_id: ConversationId(1),
            title: None,
            message: Some(Message {
                id: MessageId(number as i64),
                role: Role::User,
                text: (*text).to_owned(),
            }),
            created_at: Timestamp::from_micros(number as i64),
        };
        texts.iter().enumerate().map(hit).collect()
    }

    fn order(query: &str, texts: &[&str]) -> Vec<i64> {
        let wanted = Wanted::parse(query).unwrap();
        let best = best(ranked(&wanted, found(texts)), 10);
        best.iter().map(|hit| hit.message.unwrap().0.0).collect()
    }

    #[test]
    fn better_texts_come_first() {
        let long = format!("sea {}", "and so on ".repeat(200));
        assert_eq!(order("sea ", &[&long, "the sea", "sea, sea and sea"]), [2, 1, 0]);
        assert_eq!(
            order("deep sea", &["sea so deep", "the deep sea"]),
            [1, 0],
            "neighbours"
        );
        assert_eq!(order("sea", &["seaside", "sea"]), [1, 0], "the word itself");
        assert_eq!(order("sea ", &["sea", "sea"]), [1, 0], "of equals the newer");
    }

    #[test]
    fn a_run_of_characters_must_be_one() {
        assert_eq!(order("苹果", &["果 and 苹", "我喜欢苹果"]), [1]);
    }
}
