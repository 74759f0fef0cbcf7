//! What books a person wishes for, read from the words: topic, examples, authors, what to leave out, how many.

use super::words::{BOOK_NOUNS, PLAIN_BOOK_NOUNS, Text, is_noise};
use chatai_rag::{Index, Mentions};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// The most books one request gives.
pub(super) const MOST_BOOKS: usize = 20;
/// The longest topic that is passed on, in characters.
const TOPIC_CHARS: usize = 500;

/// A wish for books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// What they should be about, in the person's words.
    pub(super) topic: Option<String>,
    /// Titles of the collection that they should be like.
    pub(super) examples: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) exclude_titles: Vec<String>,
    pub(super) exclude_authors: Vec<String>,
    pub(super) exclude_content: Vec<String>,
    pub(super) limit: Option<usize>,
}

/// What a word of the question was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    /// Understood, or of no meaning here.
    Spent,
}

impl Wish {
    /// Reads a wish, whatever else the text says.
    pub(super) fn read(text: &Text<'_>, index: &Index) -> Self {
        let mentions = index.mentions(text.source);
        let mut reader = Reader { text, index, mentions, uses: vec![Use::Free; text.len()], wish: Self::default() };
        reader.refusals();
        reader.titles();
        reader.authors();
        reader.unknown_author();
        reader.number();
        reader.topic();
        let mut wish = reader.wish;
        for list in [
            &mut wish.examples,
            &mut wish.authors,
            &mut wish.exclude_titles,
            &mut wish.exclude_authors,
            &mut wish.exclude_content,
        ] {
            let mut seen: Vec<String> = Vec::new();
            list.retain(|entry| !seen.contains(entry) && {
                seen.push(entry.clone());
                seen.len() <= 100
            });
        }
        wish
    }

    /// Whether it says what books, not only that some are wanted.
    pub(super) fn says_something(&self) -> bool {
        self.topic.is_some() || !self.examples.is_empty() || !self.authors.is_empty()
    }

    /// This wish with what a later remark adds (`but nothing sad`, `only French ones`).
    pub(super) fn refined_by(&self, remark: Wish) -> Self {
        let mut wish = self.clone();
        wish.topic = match (wish.topic, remark.topic) {
            (Some(first), Some(more)) => Some(format!("{first}, {more}")),
            (first, more) => first.or(more),
        };
        if !remark.authors.is_empty() {
            wish.authors = remark.authors;
        }
        wish.examples.extend(remark.examples);
        wish.exclude_titles.extend(remark.exclude_titles);
        wish.exclude_authors.extend(remark.exclude_authors);
        wish.exclude_content.extend(remark.exclude_content);
        wish.limit = remark.limit.or(wish.limit);
        wish
    }

    /// Leaves titles out too.
    pub(super) fn without(mut self, titles: impl IntoIterator<Item = String>) -> Self {
        for title in titles {
            if !self.exclude_titles.contains(&title) {
                self.exclude_titles.push(title);
            }
        }
        self
    }

    /// The arguments of the tool that searches.
    pub(super) fn arguments(&self) -> Value {
        let mut arguments = Map::new();
        let like = self.examples.iter().map(|title| format!("like {title}"));
        let content: Vec<String> = like.chain(self.topic.clone()).collect();
        if !content.is_empty() {
            arguments.insert("content".to_owned(), json!(content.join(", ")));
        }
        for (name, list) in [
            ("authors", &self.authors),
            ("exclude_titles", &self.exclude_titles),
            ("exclude_authors", &self.exclude_authors),
        ] {
            if !list.is_empty() {
                arguments.insert(name.to_owned(), json!(list));
            }
        }
        if !self.exclude_content.is_empty() {
            arguments.insert("exclude_content".to_owned(), json!(self.exclude_content.join(", ")));
        }
        if let Some(limit) = self.limit {
            arguments.insert("limit".to_owned(), json!(limit.clamp(1, MOST_BOOKS)));
        }
        Value::Object(arguments)
    }
}

struct Reader<'r, 'a> {
    text: &'r Text<'a>,
    index: &'r Index,
    mentions: Mentions,
    uses: Vec<Use>,
    wish: Wish,
}

impl Reader<'_, '_> {
    /// What is refused or known already: `but not Orwell`, `without romance`, `I've read Dune`.
    fn refusals(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            let refusal = refusal_at(self.text, at);
            let Some((length, knows)) = refusal else {
                at += 1;
                continue;
            };
            let end = self.refusal_end(at + length, knows);
            self.refuse(at + length..end, knows);
            self.spend(at..end);
            at = end.max(at + length);
        }
    }

    fn refusal_end(&self, start: usize, knows: bool) -> usize {
        let mut at = start;
        while at < self.text.len() {
            let begins_other = at > start && self.begins_other_wish(at, knows);
            if begins_other || (at > start && self.text.clause_ends_before(at)) {
                break;
            }
            // A title or a name is one thing, whatever words it has.
            at = self.mention_at(at).map_or(at + 1, |words| words.end);
        }
        at
    }

    /// Whether at a joint (`,`, `and`, `but`) what was refused ends.
    fn begins_other_wish(&self, at: usize, knows: bool) -> bool {
        let text = self.text;
        let joined = text.gap_before(at).contains(',');
        let word = text.word(at);
        if matches!(word, "but" | "please" | "that" | "which" | "because" | "so" | "what" | "can" | "could" | "with" | "something") {
            return true;
        }
        if !joined && !matches!(word, "and" | "or" | "nor") {
            return false;
        }
        let mut next = at;
        while matches!(text.word(next), "and" | "or" | "nor" | "also" | "by" | "the" | "a") {
            next += 1;
        }
        if self.mention_at(at).is_some() || self.mention_at(next).is_some() {
            return false;
        }
        let starts_anew = matches!(
            text.word(next),
            "set" | "about" | "in" | "from" | "i" | "it" | "preferably" | "maybe" | "want" | "looking" | "like" | "not"
                | "no" | "without" | "with" | "need" | "would" | "loved" | "liked" | "give" | "recommend" | "suggest"
        );
        knows || joined || starts_anew
    }

    fn refuse(&mut self, words: Range<usize>, knows: bool) {
        let span = place_of(self.text, &words);
        let likes = knows
            && self.text.has_any(&["loved", "liked", "enjoyed", "adored", "love", "favourite", "favorite", "similar"])
            && !self.text.has_phrase(&["didnt like", "did not like", "dont like", "didnt enjoy"]);
        let mut rest: Vec<usize> = words.clone().collect();
        let titles = self.mentions.titles.clone();
        for mention in titles.iter().filter(|mention| overlaps(&mention.place, &span)) {
            let title = self.title_of(mention.books.first());
            if likes {
                self.wish.examples.extend(title.clone());
            }
            self.wish.exclude_titles.extend(title);
            rest.retain(|at| !overlaps(&self.text.words[*at].place, &mention.place));
        }
        let authors = self.mentions.authors.clone();
        for mention in authors.iter().filter(|mention| overlaps(&mention.place, &span)) {
            if !is_author_of_mentioned_title(self.text, &titles, &mention.place) {
                self.wish.exclude_authors.push(mention.name.clone());
            }
            rest.retain(|at| !overlaps(&self.text.words[*at].place, &mention.place));
        }
        let unknown_title = self.text.is_quoted(words.clone()) && rest.len() == words.len();
        if unknown_title {
            self.wish.exclude_titles.push(self.text.slice(words).to_owned());
        } else if !knows {
            let topic: Vec<String> =
                runs(&rest, self.text).into_iter().filter_map(|run| self.trimmed(run, true)).collect();
            self.wish.exclude_content.extend(topic);
        }
    }

    /// Titles outside of refusals: what is wanted is like them, unless the topic itself names them.
    fn titles(&mut self) {
        for mention in self.mentions.titles.clone() {
            let words = words_of(self.text, &mention.place);
            let is_free = self.uses[words.clone()].iter().all(|word| *word == Use::Free);
            if !is_free || words.is_empty() || !(mention.is_example || is_named_like(self.text, words.start)) {
                continue;
            }
            let title = self.title_of(mention.books.first());
            self.wish.examples.extend(title.clone());
            self.wish.exclude_titles.extend(title);
            self.spend(words);
        }
    }

    fn authors(&mut self) {
        let titles = self.mentions.titles.clone();
        for mention in self.mentions.authors.clone() {
            let words = words_of(self.text, &mention.place);
            if words.is_empty() || self.uses[words.start] != Use::Free {
                continue;
            }
            let before = words.start.checked_sub(1).map_or("", |at| self.text.word(at));
            if matches!(before, "about" | "on") {
                continue;
            }
            if is_author_of_mentioned_title(self.text, &titles, &mention.place) {
                self.spend(words);
                continue;
            }
            if is_named_like(self.text, words.start) {
                let titles: Vec<String> =
                    mention.books.iter().take(3).filter_map(|book| self.title_of(Some(book))).collect();
                self.wish.exclude_titles.extend(titles.iter().cloned());
                self.wish.examples.extend(titles);
            } else {
                self.wish.authors.push(mention.name.clone());
            }
            self.spend(words);
        }
    }

    /// `by Dan Brown`, whom the collection does not have: asked for all the same, so that nothing else comes back.
    fn unknown_author(&mut self) {
        let text = self.text;
        let Some(by) = (0..text.len()).find(|at| text.word(*at) == "by" && self.uses[*at] == Use::Free) else { return };
        let start = by + 1;
        let ends = |at: usize| {
            at >= text.len()
                || self.uses[at] != Use::Free
                || (at > start && (text.clause_ends_before(at) || text.gap_before(at).contains(',')))
        };
        let mut end = start;
        while !ends(end) && text.is_capital(end) && end - start < 5 {
            end += 1;
        }
        let mut is_sure = end > start;
        if !is_sure {
            while !ends(end) && !is_noise(text.word(end)) && end - start < 3 {
                end += 1;
            }
            is_sure = false;
        }
        let name = text.slice(start..end).to_owned();
        let is_somebody = !matches!(
            text.word(start),
            "african" | "american" | "arab" | "asian" | "british" | "english" | "european" | "female" | "french"
                | "german" | "indian" | "irish" | "italian" | "japanese" | "latin" | "male" | "nobel" | "russian" | "women"
        );
        if name.is_empty() || !is_somebody {
            return;
        }
        let hit = self.index.find_authors(std::slice::from_ref(&name)).pop();
        let (known, similar) = hit.map(|hit| (hit.names, hit.suggestions)).unwrap_or_default();
        let author = match (known.as_slice(), similar.as_slice()) {
            ([_, ..], _) => Some(name),
            ([], [only]) => Some(only.clone()),
            _ => is_sure.then_some(name),
        };
        if let Some(author) = author {
            self.wish.authors.push(author);
            self.spend(by..end);
        }
    }

    /// `three books`, `top 10`, `a couple of novels`.
    fn number(&mut self) {
        let text = self.text;
        for at in 0..text.len() {
            if self.uses[at] != Use::Free || self.is_in_mention(at) {
                continue;
            }
            let Some(number) = number_of(text.word(at)) else { continue };
            let before = at.checked_sub(1).map_or("", |before| text.word(before));
            let is_asked = matches!(
                before,
                "top" | "best" | "recommend" | "suggest" | "give" | "show" | "find" | "name" | "list" | "me" | "us" | "need"
                    | "want" | "exactly" | "just" | "only" | "most" | "to" | "maximum" | "another" | "other" | "next"
            );
            let ends_there = text.word(at + 1).is_empty()
                || matches!(text.word(at + 1), "more" | "please" | "books" | "others" | "that" | "of")
                || self.counts_books(at);
            if number == 1 && !self.counts_books(at) && !matches!(before, "just" | "only" | "another" | "exactly") {
                continue;
            }
            if self.counts_books(at) || (is_asked && ends_there) {
                self.wish.limit = Some(number.min(100));
                self.spend(at..at + 1);
                return;
            }
        }
    }

    /// Whether a book noun follows a number closely.
    fn counts_books(&self, at: usize) -> bool {
        for next in at + 1..=at + 5 {
            if self.text.gap_before(next).contains(|c: char| !c.is_whitespace() && c != '-') {
                return false;
            }
            match self.text.word(next) {
                "of" if next == at + 1 => {}
                "" | "about" | "by" | "with" | "of" | "who" | "from" | "in" | "to" | "on" | "set" | "where" | "for"
                | "and" | "or" => return false,
                "others" | "recommendations" | "suggestions" | "titles" | "options" | "ideas" | "picks" | "recommendation"
                | "suggestion" | "title" => return true,
                word if BOOK_NOUNS.contains(&word) => return true,
                _ => {}
            }
        }
        false
    }

    fn topic(&mut self) {
        let free: Vec<usize> = (0..self.text.len()).filter(|at| self.uses[*at] == Use::Free).collect();
        let parts: Vec<String> =
            runs(&free, self.text).into_iter().filter_map(|run| self.trimmed(run, false)).collect();
        let topic: String = parts.join(", ").chars().take(TOPIC_CHARS).collect();
        let says_something =
            Text::new(&topic).words.iter().any(|word| !PLAIN_BOOK_NOUNS.contains(&word.text.as_str()));
        self.wish.topic = says_something.then_some(topic);
    }

    /// A run of words without what says nothing at its ends.
    fn trimmed(&self, run: Range<usize>, refused: bool) -> Option<String> {
        let says_nothing = |at: usize| {
            let word = self.text.word(at);
            is_noise(word) && !self.is_in_mention(at) || refused && PLAIN_BOOK_NOUNS.contains(&word)
        };
        let (mut start, mut end) = (run.start, run.end);
        while start < end && says_nothing(start) {
            start += 1;
        }
        while end > start && says_nothing(end - 1) {
            end -= 1;
        }
        let words = self.text.slice(start..end);
        (!words.is_empty()).then(|| words.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn title_of(&self, book: Option<&chatai_types::BookId>) -> Option<String> {
        Some(self.index.book(*book?)?.title.clone())
    }

    fn mention_at(&self, at: usize) -> Option<Range<usize>> {
        let word = self.text.words.get(at)?;
        let titles = self.mentions.titles.iter().map(|mention| &mention.place);
        let mut places = titles.chain(self.mentions.authors.iter().map(|mention| &mention.place));
        places.find(|place| overlaps(place, &word.place)).map(|place| words_of(self.text, place))
    }

    fn is_in_mention(&self, at: usize) -> bool {
        self.mention_at(at).is_some()
    }

    fn spend(&mut self, words: Range<usize>) {
        self.uses[words].fill(Use::Spent);
    }
}

/// The words that refuse at a place, how many they are, and whether they only say that something is known.
fn refusal_at(text: &Text<'_>, at: usize) -> Option<(usize, bool)> {
    const KNOWS: [&str; 14] = [
        "i have already read", "ive already read", "already read", "i have read", "ive read", "have read", "i read",
        "just read", "just finished", "i finished", "ive finished", "i already know", "i know", "already know",
    ];
    const REFUSES: [&str; 32] = [
        "other than", "apart from", "aside from", "anything but", "everything but", "nothing like", "nothing by",
        "nothing about", "nothing with", "but not", "do not like", "dont like", "do not want", "dont want",
        "did not like", "didnt like", "did not enjoy", "didnt enjoy", "cant stand", "tired of", "bored of", "sick of",
        "without", "except", "excluding", "besides", "avoid", "minus", "hate", "hated", "unlike", "nothing",
    ];
    let longest = |phrases: &[&str]| phrases.iter().map(|phrase| text.phrase_at(at, phrase)).max().unwrap_or(0);
    let knows = longest(&KNOWS);
    if knows > 0 {
        return Some((knows, true));
    }
    let refuses = longest(&REFUSES);
    if refuses > 0 {
        let follow = text.word(at + refuses);
        let extra = usize::from(matches!(follow, "for" | "from" | "by") && refuses == 1);
        return Some((refuses + extra, false));
    }
    let next = text.word(at + 1);
    let is_refusal = match text.word(at) {
        "no" => !matches!(next, "longer" | "one" | "more" | "matter" | "idea" | "problem" | "thanks" | "" | "i"),
        "not" => !matches!(next, "only" | "just" | "necessarily" | "sure" | "yet" | "" | "really" | "much"),
        _ => false,
    };
    is_refusal.then(|| (1 + usize::from(matches!(next, "by" | "too" | "about" | "from" | "any")), false))
}

/// `like`, `similar to`, `in the style of` before a name.
fn is_named_like(text: &Text<'_>, at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).map_or("", |at| text.word(at));
    let connective = |word: &str| matches!(word, "to" | "of" | "the" | "a" | "both" | "reading" | "by");
    let back = (1..=3).find(|back| !connective(word(*back))).unwrap_or(1);
    matches!(word(back), "similar" | "style" | "vein" | "spirit" | "fan" | "fans" | "likes" | "resembling" | "akin")
        || (word(back) == "like" && word(back + 1) != "would" && word(back + 1) != "id")
}

/// `Dune by Frank Herbert`: the author is there to say which Dune.
fn is_author_of_mentioned_title(text: &Text<'_>, titles: &[chatai_rag::TitleMention], author: &Range<usize>) -> bool {
    titles.iter().any(|title| {
        title.place.end <= author.start && text.source[title.place.end..author.start].trim_matches(['"', '”', '*', ' ', ',']) == "by"
    })
}

fn number_of(word: &str) -> Option<usize> {
    const NUMBERS: [&str; 20] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    ];
    match word {
        "single" => Some(1),
        "couple" | "pair" => Some(2),
        "few" => Some(3),
        "handful" => Some(5),
        "dozen" => Some(12),
        _ => match NUMBERS.iter().position(|number| *number == word) {
            Some(place) => Some(place + 1),
            None => word.parse().ok().filter(|number| (1..=100).contains(number)),
        },
    }
}

/// Runs of neighbouring words, cut where a clause ends.
fn runs(at: &[usize], text: &Text<'_>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in at.iter().copied() {
        match runs.last_mut() {
            Some(run) if run.end == at && !text.clause_ends_before(at) && !text.gap_before(at).contains(',') => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// The words of a place in bytes.
fn words_of(text: &Text<'_>, place: &Range<usize>) -> Range<usize> {
    let start = text.words.partition_point(|word| word.place.end <= place.start);
    let end = text.words.partition_point(|word| word.place.start < place.end);
    start..end.max(start)
}

fn place_of(text: &Text<'_>, words: &Range<usize>) -> Range<usize> {
    match (text.words.get(words.start), words.end.checked_sub(1).and_then(|last| text.words.get(last))) {
        (Some(first), Some(last)) if words.start < words.end => first.place.start..last.place.end,
        _ => 0..0,
    }
}

fn overlaps(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}
