//! Words that carry no content, in three degrees.

use std::collections::HashSet;
use std::sync::LazyLock;

const STOP_WORDS: &str = "
    a about above across after again against all almost along already also although always am among an
    and another any are arent around as at away be became because become becomes been before being
    between both but by can cannot cant could couldnt did didnt do does doesnt doing done dont down
    during each either else even ever every few for from further had has hasnt have havent having he her
    here hers herself him himself his how however i id if ill im in into is isnt it its itself ive just
    less many may me might more most much must my myself neither no nor not now of off often on once one
    only onto or other others our ours out over own per quite rather really s same she should since so
    some still such t than that thats the their theirs them themselves then there these they this those
    through to too toward towards under until up upon us very was wasnt we were what whats when where
    whether which while who whom whose why will with within without would yet you your yours yourself
";

const REQUEST_WORDS: &str = "
    anyone anything ask author authors best bit book books check enjoy enjoyed favorite favourite
    feature features featuring find full get gimme give good got great happen happens hello help hey hi
    interested involves involving kind know lets like list looking lot lots loved maybe mood name need
    nice ok okay pick please prefer preferably read reader readers reading recommend recommendation
    recommendations recommended rid search searching set show similar somebody someone something sort
    suggest suggestion suggestions takes tell tells thank thanks thing things title titles top try type
    want wanted wants whose write written wrote
";

const SOFT_WORDS: &str = "
    book books century character characters classic classics fiction life literary literature man
    narrative novel novels people stories story tale tales woman work works world writer writers year
    years
";

/// English function words; they are neither indexed nor searched.
pub(crate) fn is_stop_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
    WORDS.contains(word)
}

/// Words with which people ask for books; they say nothing about the book that is wanted.
pub(crate) fn is_request_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| REQUEST_WORDS.split_whitespace().collect());
    WORDS.contains(word)
}

/// Words that fit nearly every book; they count a little, for titles such as `The Book Thief` and genres such as
/// `short stories`.
pub(crate) fn is_soft_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| SOFT_WORDS.split_whitespace().collect());
    WORDS.contains(word)
}
