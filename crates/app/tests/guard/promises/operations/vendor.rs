//! The vendor's side: each turn is answered as the test has planned, and every call is noted with what was reported.

use super::money::BESIDE;
use crate::{promises::mark_of, support::random::Random};
use chatai_testkit::provider::{Gate, RecordedRequest, Reply, ReportedUsage, ScriptedProvider};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// Pieces that an answer comes in, and how many of them come before whatever holds it up.
const PIECES: usize = 8;
const PIECES_BEFORE: usize = 3;
/// What a model shows of its reasoning.
const REASONING: &str = "Hm… é, let me think.";

/// How a model answers a turn.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) turn: usize,
    pub(super) way: Way,
    /// Bytes in a piece of the text.
    piece: usize,
    /// What its first call reports, its second, and those beside it.
    first: ReportedUsage,
    second: ReportedUsage,
    beside: ReportedUsage,
    pub(super) gate: Gate,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    /// It takes its time.
    Slow,
    /// So long that a summary of it is made.
    Long,
    /// It asks for a tool first.
    Tool,
    /// It does not say what it used.
    Unreported,
    Refused,
    RefusedAfterTool,
    /// The connection breaks off.
    Cut,
    /// It thinks first.
    Reasoned,
    /// The connection breaks off when it has thought, and said nothing.
    CutAfterReasoning,
    /// It waits in the midst of its answer.
    Held,
    /// It asks for a tool first, and then waits in the midst of its answer.
    HeldAfterTool,
    /// It waits before its first byte.
    HeldBefore,
    /// It thinks, and waits before it says anything.
    HeldAfterReasoning,
}

/// A call that came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) index: u64,
    pub(super) turn: usize,
    pub(super) kind: Kind,
    pub(super) reported: Option<ReportedUsage>,
}

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Final,
    Tool,
    Title,
    Summary,
}

/// What the vendor knows of who asks.
#[derive(Default)]
struct Desk {
    /// By a question's mark: the plan of the turn that is about to ask.
    expected: HashMap<String, Plan>,
    /// By a question's mark: the turn that asked it first, which alone gives it a title.
    first: HashMap<String, Plan>,
    plans: HashMap<usize, Plan>,
    calls: Vec<Call>,
}

/// The scripted provider, answering by plans.
pub(super) struct Vendor {
    pub(super) provider: ScriptedProvider,
    desk: Arc<Mutex<Desk>>,
}

impl Plan {
    pub(super) fn new(turn: usize, way: Way, random: &mut Random) -> Self {
        let mut counts = || {
            let input = random.below(20_000) as i64;
            let output = 1 + random.below(900) as i64;
            ReportedUsage {
                input,
                cached: random.below(input as u64 + 1) as i64,
                output,
                reasoning: random.below(output as u64 + 1) as i64,
                ..ReportedUsage::default()
            }
        };
        Self {
            turn,
            way,
            piece: if way == Way::Long { 90 } else { 5 },
            first: counts(),
            second: counts(),
            beside: counts(),
            gate: Gate::new(),
        }
    }

    /// The whole answer, without a blank at which it could be cut.
    pub(super) fn text(&self) -> String {
        let mut text = format!("[a{}]", self.turn);
        while text.len() < PIECES * self.piece {
            text.push('x');
        }
        text
    }

    /// What was said before it was held up or cut off.
    pub(super) fn shown_before_gap(&self) -> String {
        match self.way {
            Way::HeldBefore | Way::HeldAfterReasoning | Way::CutAfterReasoning => String::new(),
            _ => self.text()[..PIECES_BEFORE * self.piece].to_owned(),
        }
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(
            self.way,
            Way::Held | Way::HeldAfterTool | Way::HeldBefore | Way::HeldAfterReasoning
        )
    }

    /// What is shown of its reasoning before it says anything.
    pub(super) fn reasoning(&self) -> &'static str {
        match self.way {
            Way::Reasoned | Way::CutAfterReasoning | Way::HeldAfterReasoning => REASONING,
            _ => "",
        }
    }

    fn answer(&self, usage: &ReportedUsage) -> Reply {
        let reply = Reply::text(self.text()).deltas(PIECES).usage(
            usage.input,
            usage.cached,
            usage.output,
            usage.reasoning,
        );
        match self.way {
            Way::Unreported => reply.without_usage(),
            Way::Slow => reply
                .delay(Duration::from_millis(2))
                .delay_between(Duration::from_millis(2)),
            Way::Cut => reply.cut_after(PIECES_BEFORE),
            Way::Reasoned => reply.reasoning(REASONING),
            Way::CutAfterReasoning => reply.reasoning(REASONING).cut_after(0),
            Way::HeldAfterReasoning => reply.reasoning(REASONING).gate_after(0, &self.gate),
            Way::Held | Way::HeldAfterTool => reply.gate_after(PIECES_BEFORE, &self.gate),
            Way::HeldBefore => reply.gate_headers(&self.gate),
            _ => reply,
        }
    }
}

impl Desk {
    fn reply(&mut self, request: &RecordedRequest) -> Reply {
        let (plan, kind, reply) = self.decide(request);
        let usage = match kind {
            Kind::Title | Kind::Summary => plan.beside,
            Kind::Tool => plan.first,
            Kind::Final if request.tool_outputs().is_empty() => plan.first,
            Kind::Final => plan.second,
        };
        let is_silent = kind == Kind::Final && plan.way == Way::Unreported;
        self.calls.push(Call {
            index: request.index,
            turn: plan.turn,
            kind,
            reported: (!is_silent).then_some(usage),
        });
        reply
    }

    fn decide(&mut self, request: &RecordedRequest) -> (Plan, Kind, Reply) {
        let asked = request.last_user_text();
        let mark = mark_of(&asked);
        if request.model() == BESIDE {
            let plan = match mark.strip_prefix('a') {
                Some(turn) => &self.plans[&turn.parse::<usize>().expect("a turn's number")],
                None => &self.first[mark],
            };
            let usage = plan.beside;
            let (kind, reply) = match request.schema_name() {
                Some(_) => (
                    Kind::Title,
                    Reply::json(&json!({"title": format!("Title of {mark}")})),
                ),
                None => (Kind::Summary, Reply::text(format!("Summary of {mark}"))),
            };
            let reply = reply.usage(usage.input, usage.cached, usage.output, usage.reasoning);
            return (plan.clone(), kind, reply);
        }
        if let Some((call, _)) = request.tool_outputs().last() {
            // `call_INDEX_N` names the call that asked for the tool.
            let index = call.split('_').nth(1).and_then(|index| index.parse::<u64>().ok());
            let before = self.calls.iter().find(|call| Some(call.index) == index);
            let plan = self.plans[&before.expect("a tool was asked for").turn].clone();
            let reply = match plan.way {
                Way::RefusedAfterTool => refusal(),
                _ => plan.answer(&plan.second),
            };
            return (plan, Kind::Final, reply);
        }
        let plan = self.expected.remove(mark);
        let plan = plan.unwrap_or_else(|| panic!("nobody should ask this: {asked}"));
        let usage = plan.first;
        match plan.way {
            Way::Refused => (plan, Kind::Final, refusal()),
            // A budget that is nearly used up leaves no room for tools.
            Way::RefusedAfterTool if request.tool_names().is_empty() => (plan, Kind::Final, refusal()),
            Way::Tool | Way::RefusedAfterTool | Way::HeldAfterTool if !request.tool_names().is_empty() => {
                let reply = Reply::call_tool("get_book_summaries", &json!({"titles": ["Emma"]})).usage(
                    usage.input,
                    usage.cached,
                    usage.output,
                    usage.reasoning,
                );
                (plan, Kind::Tool, reply)
            }
            _ => {
                let reply = plan.answer(&usage);
                (plan, Kind::Final, reply)
            }
        }
    }
}

fn refusal() -> Reply {
    Reply::error(400, "invalid_request_error", "x", "no")
}

impl Vendor {
    pub(super) async fn start() -> Self {
        let provider = ScriptedProvider::start().await;
        let desk = Arc::<Mutex<Desk>>::default();
        let asked = Arc::clone(&desk);
        provider.script(move |request| asked.lock().expect("no script panicked").reply(request));
        Self { provider, desk }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no script panicked")
    }

    /// The next answer to a question is given by this plan.
    pub(super) fn expect(&self, mark: &str, plan: &Plan) {
        let mut desk = self.desk();
        desk.expected.insert(mark.to_owned(), plan.clone());
        desk.first.entry(mark.to_owned()).or_insert_with(|| plan.clone());
        desk.plans.insert(plan.turn, plan.clone());
    }

    /// Nobody is going to ask any more. Whether somebody was to.
    pub(super) fn forget(&self, mark: &str) -> bool {
        self.desk().expected.remove(mark).is_some()
    }

    /// How many calls came.
    pub(super) fn count(&self) -> usize {
        self.desk().calls.len()
    }

    /// Every call, with its report where that was sent to its end.
    pub(super) fn calls(&self) -> Vec<Call> {
        let billed: HashMap<u64, ReportedUsage> = self
            .provider
            .billed()
            .iter()
            .map(|billed| (billed.index, billed.usage))
            .collect();
        let mut calls = self.desk().calls.clone();
        for call in &mut calls {
            call.reported = billed.get(&call.index).copied();
        }
        calls
    }
}
