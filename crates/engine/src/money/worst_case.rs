//! What a turn may cost at most, set aside before its first model call, and how the turn stays within it.
//!
//! The bound is two calls of the answering model: one with what is sent at first, one with the results of a round of
//! tools, and one answer of at most [`ANSWER_TOKENS`] over both; beside them the title, the summaries and the intent.
//! A turn may make more calls as long as what they used leaves room for a last one: [`Allowance::next_call`] offers no
//! tools otherwise, and lets no answer be longer than what is left. Input is estimated, with half as much again for
//! what four characters a token do not hold; a provider that counts more still is charged in full, so a budget can be
//! passed by that difference, and the next turn is refused.

use crate::{
    catalog::Model,
    chat::{Served, prompt, request_tokens},
    inner::Inner,
};
use chatai_llm::Request;
use chatai_store::ops::turns::ModelCall;
use chatai_types::{Money, Scope};

/// The longest answer under a budget, in tokens, reasoning included.
const ANSWER_TOKENS: i64 = 8_192;
/// The shortest answer that is asked for, whatever is left.
const LEAST_ANSWER_TOKENS: i64 = 256;
/// What a round of tools adds to the input of the next call.
pub(crate) const TOOL_RESULT_TOKENS: i64 = 4_000;
/// What is estimated counts this much: three halves.
const CAUTION: (i128, i128) = (3, 2);
/// What the collection's search may embed in one turn.
const EMBEDDED_TOKENS: i64 = 4_000;

/// What a turn is going to ask for.
pub(crate) struct Demand<'a> {
    /// Who answers.
    pub(crate) answering: &'a Served,
    /// The question.
    pub(crate) text: &'a str,
    /// The estimated input of the first call.
    pub(crate) input_tokens: i64,
    /// Whether the conversation gets a title.
    pub(crate) is_new: bool,
}

/// What a turn set aside for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    answer: Money,
}

/// What the next call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextCall {
    /// Whether another call would still fit after it.
    pub(crate) may_use_tools: bool,
    /// How much it may put out.
    pub(crate) output_tokens: u32,
}

impl Demand<'_> {
    /// What the turn may cost at most, and the answer's part of it.
    pub(crate) fn worst_case(&self, inner: &Inner) -> (Money, Allowance) {
        let answer = dearest(self.answering, |model| self.answer(model));
        let beside = self.beside(inner);
        (
            money(answer + beside),
            Allowance {
                answer: money(answer),
            },
        )
    }

    /// What a model's answer may cost.
    fn answer(&self, model: &Model) -> i128 {
        let mut answer = input_cost(model, self.input_tokens)
            + output_cost(model, ANSWER_TOKENS.max(2 * LEAST_ANSWER_TOKENS));
        if model.calls_tools {
            answer += input_cost(model, self.input_tokens.saturating_add(TOOL_RESULT_TOKENS));
        }
        answer
    }

    /// The calls beside the answer.
    fn beside(&self, inner: &Inner) -> i128 {
        let models = &inner.settings.models;
        let name = |served: &Served| served.model.name.clone();
        let mut cost = 0;
        if self.is_new {
            let titling = inner.models.helper(self.answering, models.title.as_deref());
            let title = prompt::title(&name(&titling), self.text);
            cost += dearest(&titling, |model| call_cost(model, &title));
        } else if let Some(intent) = inner.models.intent(self.answering) {
            cost += call_cost(
                &intent.model,
                &prompt::intent(&name(&intent), self.text, self.text),
            );
        }
        let summarising = inner.models.helper(self.answering, models.summary.as_deref());
        let summary = prompt::summary(&name(&summarising), self.text);
        // Of the question, and of an answer that is as long as it may be.
        cost += dearest(&summarising, |model| {
            call_cost(model, &summary) * 2 + input_cost(model, ANSWER_TOKENS)
        });
        if let Some(embedder) = inner.models.embedder().filter(|_| !self.answering.is_built_in()) {
            cost += input_cost(&embedder.model, EMBEDDED_TOKENS);
        }
        cost
    }
}

/// What a program's call may cost at most, whoever of the list answers, and how long its answer may then be: as long as
/// was asked for, else [`ANSWER_TOKENS`].
pub(crate) fn direct_worst_case(answering: &Served, input_tokens: i64, asked: Option<u32>) -> (Money, u32) {
    let longest = answering.model.max_output_tokens.unwrap_or(i64::MAX);
    let usual = || u32::try_from(ANSWER_TOKENS.min(longest)).unwrap_or(u32::MAX);
    let output = asked.unwrap_or_else(usual);
    let highest = dearest(answering, |model| {
        input_cost(model, input_tokens) + output_cost(model, output.into())
    });
    (money(highest), output)
}

/// What embedding may cost at most.
pub(crate) fn embedding_worst_case(model: &Model, input_tokens: i64) -> Money {
    money(input_cost(model, input_tokens))
}

impl Allowance {
    /// What the next call may do, after what the earlier ones cost.
    pub(crate) fn next_call<'c>(
        &self,
        model: &Model,
        calls: impl Iterator<Item = &'c ModelCall>,
        request: &Request,
    ) -> NextCall {
        let used: i128 = calls
            .filter(|call| matches!(call.scope, Scope::Tool | Scope::Final))
            .filter_map(|call| call.price)
            .map(|price| i128::from(price.as_pico()))
            .sum();
        let input = request_tokens(request);
        let left = i128::from(self.answer.as_pico()) - used - input_cost(model, input);
        let a_token = output_cost(model, 1);
        let tokens = if a_token == 0 {
            i128::from(ANSWER_TOKENS)
        } else {
            left / a_token
        };
        // After a call that only asks for tools there must be room for one that answers.
        let one_more = input_cost(model, input.saturating_add(TOOL_RESULT_TOKENS))
            + output_cost(model, 2 * LEAST_ANSWER_TOKENS);
        let tokens = tokens.clamp(i128::from(LEAST_ANSWER_TOKENS), i128::from(ANSWER_TOKENS));
        NextCall {
            may_use_tools: left >= one_more,
            output_tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
        }
    }
}

/// What something costs with a model or with whoever is asked in its place, who may be dearer.
fn dearest(served: &Served, cost: impl Fn(&Model) -> i128) -> i128 {
    let others = served.alternatives.iter().map(|other| &other.model);
    let costs = others.chain([&served.model]).map(cost);
    costs.max().unwrap_or_default()
}

fn call_cost(model: &Model, request: &Request) -> i128 {
    let output = request.max_output_tokens.map_or(ANSWER_TOKENS, i64::from);
    input_cost(model, request_tokens(request)) + output_cost(model, output)
}

/// What estimated input costs at most: at the highest of its rates.
fn input_cost(model: &Model, tokens: i64) -> i128 {
    let rate = model.rates.map_or(0, |rates| {
        let highest = rates.input.max(rates.cache_read).max(rates.cache_write);
        highest.as_pico_per_token()
    });
    i128::from(tokens.max(0)) * i128::from(rate) * CAUTION.0 / CAUTION.1
}

fn output_cost(model: &Model, tokens: i64) -> i128 {
    let rate = model.rates.map_or(0, |rates| rates.output.as_pico_per_token());
    i128::from(tokens) * i128::from(rate)
}

/// Beyond what money can hold is beyond every budget.
fn money(pico: i128) -> Money {
    Money::from_pico(i64::try_from(pico).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use chatai_llm::{Item, Part};
    use chatai_types::{Timestamp, TokenCounts, UsageSource};
    use proptest::prelude::*;

    fn model(input: &str, output: &str) -> Model {
        let data = format!(r#"{{"m": {{"input": {input}, "output": {output}}}}}"#);
        Catalog::parse(&data, "test").unwrap().get("m").unwrap().clone()
    }

    fn request(tokens: usize) -> Request {
        Request {
            items: vec![Item::User(vec![Part::Text("abcd".repeat(tokens))])],
            ..Request::default()
        }
    }

    fn call(model: &Model, input: i64, output: i64) -> ModelCall {
        let tokens = TokenCounts::from_inclusive(input, 0, output, 0).unwrap();
        ModelCall {
            scope: Scope::Tool,
            model: model.name.clone(),
            tokens,
            source: UsageSource::Provider,
            price: model.charge(&tokens),
            price_version: None,
            fallback_from: None,
            at: Timestamp::from_micros(0),
        }
    }

    /// The answer's part for a first request of so many tokens.
    fn allowance(model: &Model, input: i64) -> Allowance {
        let answer = input_cost(model, input)
            + input_cost(model, input + TOOL_RESULT_TOKENS)
            + output_cost(model, ANSWER_TOKENS);
        Allowance {
            answer: money(answer),
        }
    }

    proptest! {
        /// However many rounds a model asks for, a turn that keeps to what it is offered stays within what was set
        /// aside, as long as no round of tools gives more than is reckoned with.
        #[test]
        fn a_turn_stays_within_what_was_set_aside(
            input in 1..50_000_i64,
            (input_rate, output_rate) in (1..100_i64, 1..400_i64),
            rounds in proptest::collection::vec((0..TOOL_RESULT_TOKENS / 2, 0.0..1.0_f64), 1..30),
        ) {
            let model = model(&input_rate.to_string(), &output_rate.to_string());
            let allowance = allowance(&model, input + 10);
            let (mut calls, mut sent) = (Vec::new(), input);
            for (result, part) in rounds {
                let next = allowance.next_call(&model, calls.iter(), &request(sent as usize));
                let output = (f64::from(next.output_tokens) * part) as i64;
                // A provider that counts a tenth more than was estimated.
                calls.push(call(&model, sent + sent / 10, output));
                if !next.may_use_tools {
                    break;
                }
                sent += output.min(result) + result;
                // An answer of the rest, had the model ended here.
                let last = allowance.next_call(&model, calls.iter(), &request(sent as usize));
                if next.may_use_tools && output <= LEAST_ANSWER_TOKENS {
                    let mut all = calls.clone();
                    all.push(call(&model, sent + sent / 10, last.output_tokens.into()));
                    let total: i64 = all.iter().map(|call| call.price.unwrap().as_pico()).sum();
                    prop_assert!(total <= allowance.answer.as_pico(), "{total} of {allowance:?}");
                }
                if output > LEAST_ANSWER_TOKENS {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_costs_nothing_is_not_cut_short() {
        let free = model("0", "0");
        let next = allowance(&free, 10).next_call(&free, [].iter(), &request(10));
        assert!(next.may_use_tools);
        assert_eq!(i64::from(next.output_tokens), ANSWER_TOKENS);
    }

    #[test]
    fn absurd_prices_are_beyond_every_budget() {
        let dear = model("9000000000", "9000000000");
        assert_eq!(money(output_cost(&dear, i64::MAX)).as_pico(), i64::MAX);
    }
}
