//! What a turn is made of, gathered before it is opened: synchronous, no I/O.

use super::{
    books,
    calls::{Served, request_tokens, tool_tokens},
    context::{Depth, Document, context, fit_documents, question},
    prompt,
    recent::Recent,
    side::LONG_QUESTION_CHARS,
    size::{MESSAGE_OVERHEAD, estimate_tokens},
    tools,
};
use crate::{
    catalog::Model,
    inner::Inner,
    models::Models,
    money::{Allowance, Demand},
    settings::Settings,
    toolbox::Offered,
};
use chatai_llm::{Format, Item, Part, Request};
use chatai_store::ops::{budgets::Payer, turns::BegunCall};
use chatai_types::{Money, Scope, Timestamp};
use std::sync::LazyLock;

/// What is kept free of a model's window for its answer, at most and as a part of the window.
const ANSWER_TOKENS: i64 = 16_384;
const ANSWER_PART: i64 = 4;

/// Everything a turn needs.
pub(crate) struct Plan {
    pub(crate) payer: Payer,
    /// When the turn was opened.
    pub(crate) opened_at: Timestamp,
    pub(crate) answering: Served,
    /// Makes titles and summaries for this turn.
    pub(crate) titling: Served,
    pub(crate) summarising: Served,
    /// Decides how much context is needed; without it all that fits is given.
    pub(crate) intent: Option<Served>,
    pub(crate) recent: Recent,
    /// The tools from outside.
    pub(crate) offered: Offered,
    pub(crate) text: String,
    /// What the answer begins with: it goes on with one that broke off.
    pub(crate) begun: Option<String>,
    /// The question's files, whole.
    pub(crate) documents: Vec<Document>,
    /// Their estimated size.
    documents_tokens: i64,
    /// Tokens of the model's window that are left for them.
    pub(crate) document_tokens: i64,
    /// Tokens of earlier messages that may be given.
    pub(crate) context_tokens: i64,
    /// Set for a new conversation.
    pub(crate) provisional_title: Option<String>,
    /// Whether the question is long and has no summary yet.
    pub(crate) summarises_question: bool,
    pub(crate) question_summary: Option<String>,
    pub(crate) size_tokens: i64,
    pub(crate) tokens_before: i64,
    /// What was set aside for the answer, where a budget applies.
    pub(crate) allowance: Option<Allowance>,
}

/// What is asked, in which conversation.
pub(crate) struct Asked {
    pub(crate) text: String,
    /// What the answer begins with, where it goes on with one that broke off.
    pub(crate) begun: Option<String>,
    pub(crate) documents: Vec<Document>,
    /// The estimated size of its files.
    pub(crate) documents_tokens: i64,
    /// Its estimated size with its files.
    pub(crate) size_tokens: i64,
    pub(crate) provisional_title: Option<String>,
    /// The summary it has already.
    pub(crate) summary: Option<String>,
    pub(crate) is_new: bool,
    /// The tools from outside that may be called for it.
    pub(crate) offered: Offered,
}

impl Plan {
    pub(crate) fn new(inner: &Inner, payer: Payer, answering: Served, asked: Asked, recent: Recent) -> Self {
        let (models, settings): (&Models, &Settings) = (&inner.models, &inner.settings);
        let window = answering.model.context_window;
        // The question comes first, then its files, then what was said before.
        let document_room = window
            - answer_room(window)
            - fixed_tokens()
            - outside_tokens(&asked.offered)
            - estimate_tokens(&asked.text)
            - begun_tokens(asked.begun.as_deref());
        let is_long = asked.text.chars().count() > LONG_QUESTION_CHARS;
        Self {
            payer,
            opened_at: inner.clock.now(),
            titling: models.helper(&answering, settings.models.title.as_deref()),
            summarising: models.helper(&answering, settings.models.summary.as_deref()),
            intent: models.intent(&answering),
            document_tokens: document_room.max(0),
            context_tokens: settings
                .limits
                .context_tokens
                .min(document_room - asked.documents_tokens)
                .max(0),
            answering,
            tokens_before: 0,
            recent,
            offered: asked.offered,
            summarises_question: asked.is_new && is_long,
            question_summary: asked.summary,
            text: asked.text,
            begun: asked.begun,
            documents: asked.documents,
            documents_tokens: asked.documents_tokens,
            provisional_title: asked.provisional_title,
            size_tokens: asked.size_tokens,
            allowance: None,
        }
    }

    /// Whether earlier messages do not all fit, so that the older ones go by their summaries.
    pub(crate) fn digests(&self) -> bool {
        self.recent.tokens() > self.context_tokens
    }

    /// What the turn may cost at most, and the answer's part of it.
    pub(crate) fn worst_case(&self, inner: &Inner) -> (Money, Allowance) {
        let demand = Demand {
            answering: &self.answering,
            text: &self.text,
            input_tokens: MESSAGE_OVERHEAD + self.request_tokens(),
            is_new: self.provisional_title.is_some(),
        };
        demand.worst_case(inner)
    }

    /// The first request for the answer, to any model that may give it.
    pub(crate) fn request_for(&self, model: &Model, depth: Depth) -> Request {
        let mut items = context(&self.recent.messages, depth, self.context_tokens, model.sees);
        let mut documents = self.documents.clone();
        fit_documents(&mut documents, self.document_tokens);
        items.push(Item::User(question(&self.text, &documents, model.sees)));
        if let Some(begun) = &self.begun {
            items.push(Item::Assistant(begun.trim_end().to_owned()));
            items.push(Item::User(vec![Part::Text(prompt::GO_ON.to_owned())]));
        }
        Request {
            model: model.name.clone(),
            system: match self.offered.is_empty() || !model.calls_tools {
                true => prompt::SYSTEM.to_owned(),
                false => format!("{}{}", prompt::SYSTEM, prompt::OUTSIDE),
            },
            items,
            tools: if model.calls_tools {
                tools::specs()
                    .into_iter()
                    .chain(self.offered.specs().cloned())
                    .collect()
            } else {
                Vec::new()
            },
            format: Format::Text,
            max_output_tokens: None,
            // The reader is shown what a model thinks, wherever it tells.
            shows_reasoning: model.reasons,
            cache_key: Some(format!("user-{}", self.payer.owner)),
            ..Request::default()
        }
    }

    /// A model of this turn whose price nobody knows, so that nobody knows what the turn may cost.
    pub(crate) fn unpriced(&self, inner: &Inner) -> Option<String> {
        let embedder = inner.models.embedder().filter(|_| !self.answering.is_built_in());
        let asked = [
            Some(&self.answering),
            Some(&self.titling),
            Some(&self.summarising),
        ];
        let mut asked = asked
            .into_iter()
            .chain([self.intent.as_ref(), embedder.as_ref()])
            .flatten();
        let unpriced = asked.find(|served| served.model.rates.is_none());
        unpriced.map(|served| served.model.name.clone())
    }

    /// An upper bound of the estimated size of that request.
    pub(crate) fn request_tokens(&self) -> i64 {
        let before = self.recent.tokens();
        let documents = self.documents_tokens.min(self.document_tokens);
        let fixed = fixed_tokens() + outside_tokens(&self.offered);
        let begun = begun_tokens(self.begun.as_deref());
        fixed + estimate_tokens(&self.text) + begun + documents + before.min(self.context_tokens)
    }

    /// Who is asked how much context is needed, and what; `None` when nobody is.
    pub(crate) fn intent_request(&self) -> Option<(&Served, Request)> {
        let intent = self
            .intent
            .as_ref()
            .filter(|_| !self.recent.messages.is_empty())?;
        let from = self.recent.messages.len().saturating_sub(2);
        let exchange: Vec<String> = self.recent.messages[from..]
            .iter()
            .map(|message| {
                let said = message.summary.as_ref().unwrap_or(&message.text);
                format!("{}: {said}", message.role)
            })
            .collect();
        let request = prompt::intent(&intent.model.name, &exchange.join("\n"), &self.text);
        Some((intent, request))
    }

    /// The calls that are made as soon as the turn is open; its first for the answer only where that goes on with another.
    pub(crate) fn first_calls(&self) -> Vec<BegunCall> {
        let question_tokens = estimate_tokens(&self.text);
        let mut calls = Vec::new();
        let mut add = |number, asked: &Served, scope| {
            if !asked.is_built_in() {
                calls.push(books::begun(number, asked, scope, question_tokens, 0));
            }
        };
        if self.provisional_title.is_some() {
            add(books::TITLE, &self.titling, Scope::Title);
        }
        if self.summarises_question {
            add(books::QUESTION_SUMMARY, &self.summarising, Scope::Summary);
        }
        if let Some((intent, _)) = self.intent_request() {
            add(books::INTENT, intent, Scope::Intent);
        }
        // What an answer begins with is no output of the call that goes on with it, should nobody be left to say so.
        if let Some(begun) = &self.begun {
            let before = estimate_tokens(begun.trim_end());
            let tokens = self.request_tokens();
            calls.push(books::begun(
                books::FIRST,
                &self.answering,
                Scope::Final,
                tokens,
                before,
            ));
        }
        calls
    }
}

/// The size of an answer that is gone on with, and of the words that ask for it.
fn begun_tokens(begun: Option<&str>) -> i64 {
    begun.map_or(0, |begun| {
        2 * MESSAGE_OVERHEAD + estimate_tokens(begun) + estimate_tokens(prompt::GO_ON)
    })
}

/// What of a window is kept free for the answer.
pub(crate) fn answer_room(window: i64) -> i64 {
    ANSWER_TOKENS.min(window / ANSWER_PART)
}

/// Whether a question alone is no more than a model takes.
pub(crate) fn fits_window(text: &str, window: i64) -> bool {
    fixed_tokens() + estimate_tokens(text) <= window
}

/// The size of what offering these tools adds to a request.
fn outside_tokens(offered: &Offered) -> i64 {
    match offered.is_empty() {
        true => 0,
        false => {
            estimate_tokens(prompt::OUTSIDE) + offered.specs().map(|tool| tool_tokens(tool)).sum::<i64>()
        }
    }
}

/// The size of what every request begins with.
pub(crate) fn fixed_tokens() -> i64 {
    static TOKENS: LazyLock<i64> = LazyLock::new(|| {
        request_tokens(&Request {
            system: prompt::SYSTEM.to_owned(),
            tools: tools::specs(),
            ..Request::default()
        })
    });
    *TOKENS
}
