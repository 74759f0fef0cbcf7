//! Reads a wish by using up words: what is refused first, then examples, authors and a number. What is left is the
//! topic.

use super::{
    super::about::title_beginning_with,
    super::words::{PLAIN_BOOK_NOUNS, Text, is_function_word, is_in, is_noise, overlap},
    Wish,
};
use chatai_rag::{AuthorMention, Index, Mentions, TitleMention};
use chatai_types::BookId;
use std::ops::Range;

/// The longest topic that is passed on, in characters.
const TOPIC_CHARS: usize = 500;
/// How many books of an author stand for that author where something similar is wanted.
const BOOKS_OF_EXAMPLE: usize = 3;
/// Up to this age, in years, books for children are meant.
const OLDEST_CHILD: u8 = 12;

pub(super) struct Reader<'r, 'a> {
    pub(super) text: &'r Text<'a>,
    pub(super) mentions: Mentions,
    pub(super) wish: Wish,
    index: &'r Index,
    /// For whom books are wanted, in a word of the topic.
    audience: Option<&'static str>,
    /// For each word whether it was understood already.
    spent: Vec<bool>,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(super) fn new(text: &'r Text<'a>, index: &'r Index) -> Self {
        let mentions = index.mentions(text.source);
        Self {
            text,
            index,
            audience: None,
            mentions,
            spent: vec![false; text.len()],
            wish: Wish::default(),
        }
    }

    pub(super) fn read(mut self) -> Wish {
        self.read_refusals();
        self.read_examples();
        self.read_authors();
        self.read_unknown_author();
        self.read_unknown_example();
        self.read_age();
        self.read_number();
        self.read_topic();
        self.wish
    }

    /// Titles that what is wanted should be like. Others stay in the topic.
    fn read_examples(&mut self) {
        for mention in self.mentions.titles.clone() {
            let words = self.text.words_at(&mention.place);
            if self.is_spent(&words) || !(mention.is_example || self.is_named_like(words.start)) {
                continue;
            }
            let title = self.title_of(mention.books.first());
            self.wish.examples.extend(title.clone());
            self.wish.exclude_titles.extend(title);
            self.spend(words);
        }
    }

    fn read_authors(&mut self) {
        for mention in self.mentions.authors.clone() {
            let words = self.text.words_at(&mention.place);
            let is_topic = is_in(self.text.word_before(words.start, 1), "about on");
            if self.is_spent(&words) || is_topic {
                continue;
            }
            if self.only_says_which_title(&mention) {
                self.spend(words);
                continue;
            }
            if self.is_named_like(words.start) {
                let books = mention.books.iter().take(BOOKS_OF_EXAMPLE);
                let titles: Vec<String> = books.filter_map(|book| self.title_of(Some(book))).collect();
                self.wish.exclude_titles.extend(titles.iter().cloned());
                self.wish.examples.extend(titles);
            } else {
                self.wish.authors.push(mention.name.clone());
            }
            self.spend(words);
        }
    }

    /// `by Dan Brown`, whom the collection does not have: asked for all the same, so that nothing else comes back.
    fn read_unknown_author(&mut self) {
        let text = self.text;
        let Some(by) = (0..text.len()).find(|at| text.word(*at) == "by" && !self.spent[*at]) else {
            return;
        };
        let start = by + 1;
        let goes_on = |at: usize| {
            at < text.len()
                && !self.spent[at]
                && (at == start || !(text.clause_ends_before(at) || text.gap_before(at).contains(',')))
        };
        let mut end = start;
        while goes_on(end) && text.is_capital(end) && end - start < 5 {
            end += 1;
        }
        let is_name = end > start;
        while !is_name && goes_on(end) && !is_noise(text.word(end)) && end - start < 3 {
            end += 1;
        }
        // `by Russian women` describes; it names nobody.
        let describes = "african american arab asian black british chinese english european female french german \
            indian irish italian japanese latin male men nobel russian scottish spanish women young";
        let name = text.slice(start..end).to_owned();
        if name.is_empty() || is_in(text.word(start), describes) {
            return;
        }
        let Some(hit) = self.index.find_authors(std::slice::from_ref(&name)).pop() else {
            return;
        };
        let author = match (hit.names.as_slice(), hit.suggestions.as_slice()) {
            ([_, ..], _) => Some(name),
            ([], [only]) => Some(only.clone()),
            _ => is_name.then_some(name),
        };
        if let Some(author) = author {
            self.wish.authors.push(author);
            self.spend(by..end);
        }
    }

    /// `like Harry Potter`, `similar to The Girl on the Train`: the beginning of a title, or of no title here.
    fn read_unknown_example(&mut self) {
        let text = self.text;
        let cue = (0..text.len()).find_map(|at| {
            let length =
                text.longest_phrase_at(at, "like, similar to, reminds me of, fan of, fans of, vein of");
            let start = at + length;
            let is_name = length > 0
                && !self.is_spent(&(start..start + 1))
                && text.is_capital(start)
                && text.word(start) != "i";
            is_name.then_some(at..start)
        });
        let Some(cue) = cue else { return };
        let mut end = cue.end;
        let goes_on = |at: usize| {
            at < text.len()
                && !self.spent[at]
                && !text.clause_ends_before(at)
                && !text.gap_before(at).contains(',')
                && (text.is_capital(at) || is_in(text.word(at), "of the and a in on to with for"))
        };
        while end == cue.end || goes_on(end) {
            end += 1;
        }
        while !text.is_capital(end - 1) {
            end -= 1;
        }
        let name = text.slice(cue.end..end).to_owned();
        match title_beginning_with(&name, self.index) {
            Some(title) => {
                self.wish.exclude_titles.push(title.clone());
                self.wish.examples.push(title);
            }
            None => self.wish.unknown_examples.push(name),
        }
        // `for people who like X`
        let start = (1..=3)
            .rev()
            .map(|back| cue.start.saturating_sub(back))
            .find(|start| {
                text.longest_phrase_at(
                    *start,
                    "for people who, for readers who, for someone who, people who, readers who",
                ) > 0
            });
        self.spend(start.unwrap_or(cue.start)..end);
    }

    /// `for my 8 year old`: for children, as far as that is one.
    fn read_age(&mut self) {
        let text = self.text;
        let Some((at, length)) = (0..text.len()).find_map(|at| {
            let length = text.longest_phrase_at(at + 1, "year old, years old, yr old, year olds");
            (length > 0 && text.word(at).parse::<u8>().is_ok()).then_some((at, length + 1))
        }) else {
            return;
        };
        let relative = "boy boys child children daughter girl girls grandchild granddaughter grandson kid kids nephew niece son";
        let end = at + length + usize::from(is_in(text.word(at + length), relative));
        if !self.is_spent(&(at..end)) && text.word(at).parse::<u8>().is_ok_and(|age| age <= OLDEST_CHILD) {
            self.audience = Some("children");
        }
        self.spend(at..end);
    }

    fn read_topic(&mut self) {
        let free: Vec<usize> = (0..self.text.len()).filter(|at| !self.spent[*at]).collect();
        let parts: Vec<String> = self
            .runs(&free)
            .into_iter()
            .filter_map(|run| self.trimmed(run, ""))
            .collect();
        let parts: Vec<String> = self
            .audience
            .map(str::to_owned)
            .into_iter()
            .chain(parts)
            .collect();
        let topic: String = parts.join(", ").chars().take(TOPIC_CHARS).collect();
        let words = Text::new(&topic);
        self.wish.topic = (words.len() > 0 && !words.all_in(PLAIN_BOOK_NOUNS)).then_some(topic);
    }

    /// A run of words without what says nothing at its ends, `empty` words among them. What follows `about` is the
    /// topic, whatever it is: `good and evil`, `love`.
    pub(super) fn trimmed(&self, run: Range<usize>, empty: &str) -> Option<String> {
        let says_nothing = |at: usize| {
            let word = self.text.word(at);
            // `I would love`, as against `a love story`.
            let is_verb = is_in(
                self.text.word_before(at, 1),
                "i id would really we you to also just",
            );
            let is_noise = is_noise(word) && (word != "love" || is_verb);
            is_noise && self.mention_at(at).is_none() || is_in(word, empty)
        };
        let (mut start, mut end) = (run.start, run.end);
        let mut is_announced = false;
        while start < end && says_nothing(start) {
            let word = self.text.word(start);
            if is_announced && !is_function_word(word) && !is_in(word, "something anything book books novel")
            {
                break;
            }
            is_announced = is_in(word, "about on with of")
                || is_announced && is_in(word, "a an the some my something anything book books novel");
            start += 1;
        }
        let least = start + usize::from(is_announced);
        while end > least && says_nothing(end - 1) {
            end -= 1;
        }
        let words = self.text.slice(start..end);
        (!words.is_empty()).then(|| words.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Runs of neighbouring words, cut where a clause ends.
    pub(super) fn runs(&self, places: &[usize]) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for at in places.iter().copied() {
            let is_cut = self.text.clause_ends_before(at) || self.text.gap_before(at).contains(',');
            match runs.last_mut() {
                Some(run) if run.end == at && !is_cut => run.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }

    /// `like`, `similar to`, `in the style of`, `I love` before a name.
    fn is_named_like(&self, at: usize) -> bool {
        let before = |distance: usize| self.text.word_before(at, distance);
        let distance = (1..=3)
            .find(|distance| !is_in(before(*distance), "to of the a both reading by"))
            .unwrap_or(1);
        let word = before(distance);
        is_in(
            word,
            "similar style vein spirit fan fans likes love loved enjoy enjoyed adore liked akin",
        ) || word == "like" && !is_in(before(distance + 1), "would id")
    }

    /// `Dune by Frank Herbert`: the name is there to say which Dune.
    pub(super) fn only_says_which_title(&self, author: &AuthorMention) -> bool {
        self.mentions.titles.iter().any(|title| {
            let between = self
                .text
                .source
                .get(title.place.end..author.place.start)
                .unwrap_or_default();
            between.trim_matches(['"', '”', '’', '*', ' ', ',']) == "by"
        })
    }

    /// The words of the title or name that a word belongs to.
    pub(super) fn mention_at(&self, at: usize) -> Option<Range<usize>> {
        let word = self.text.words.get(at)?;
        let titles = self
            .mentions
            .titles
            .iter()
            .map(|mention: &TitleMention| &mention.place);
        let mut places = titles.chain(self.mentions.authors.iter().map(|mention| &mention.place));
        places
            .find(|place| overlap(place, &word.place))
            .map(|place| self.text.words_at(place))
    }

    pub(super) fn title_of(&self, book: Option<&BookId>) -> Option<String> {
        Some(self.index.book(*book?)?.title.clone())
    }

    pub(super) fn is_spent(&self, words: &Range<usize>) -> bool {
        words.is_empty()
            || self
                .spent
                .get(words.clone())
                .is_none_or(|spent| spent.contains(&true))
    }

    pub(super) fn spend(&mut self, words: Range<usize>) {
        self.spent[words].fill(true);
    }
}
