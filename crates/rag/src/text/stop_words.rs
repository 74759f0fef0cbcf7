//! Words that carry no content, in three degrees.

/// English function words; they are neither indexed in prose nor searched.
pub(crate) fn is_stop_word(word: &str) -> bool {
    matches!(
        word,
        "a" | "about" | "above" | "across" | "after" | "again" | "against" | "all" | "almost" | "along" | "already"
            | "also" | "although" | "always" | "am" | "among" | "an" | "and" | "another" | "any" | "are" | "arent"
            | "around" | "as" | "at" | "away" | "be" | "became" | "because" | "become" | "becomes" | "been" | "before"
            | "being" | "between" | "both" | "but" | "by" | "can" | "cannot" | "cant" | "could" | "couldnt" | "did"
            | "didnt" | "do" | "does" | "doesnt" | "doing" | "done" | "dont" | "down" | "during" | "each" | "either"
            | "else" | "even" | "ever" | "every" | "few" | "for" | "from" | "further" | "had" | "has" | "hasnt"
            | "have" | "havent" | "having" | "he" | "her" | "here" | "hers" | "herself" | "him" | "himself" | "his"
            | "how" | "however" | "i" | "id" | "if" | "ill" | "im" | "in" | "into" | "is" | "isnt" | "it" | "its"
            | "itself" | "ive" | "just" | "less" | "many" | "may" | "me" | "might" | "more" | "most" | "much" | "must"
            | "my" | "myself" | "neither" | "no" | "nor" | "not" | "now" | "of" | "off" | "often" | "on" | "once"
            | "one" | "only" | "onto" | "or" | "other" | "others" | "our" | "ours" | "out" | "over" | "own" | "per"
            | "quite" | "rather" | "really" | "s" | "same" | "she" | "should" | "since" | "so" | "some" | "still"
            | "such" | "t" | "than" | "that" | "thats" | "the" | "their" | "theirs" | "them" | "themselves" | "then"
            | "there" | "these" | "they" | "this" | "those" | "through" | "to" | "too" | "toward" | "towards" | "under"
            | "until" | "up" | "upon" | "us" | "very" | "was" | "wasnt" | "we" | "were" | "what" | "whats" | "when"
            | "where" | "whether" | "which" | "while" | "who" | "whom" | "whose" | "why" | "will" | "with" | "within"
            | "without" | "would" | "yet" | "you" | "your" | "yours" | "yourself"
    )
}

/// Words with which people ask for books; they say nothing about the book that is wanted.
pub(crate) fn is_request_word(word: &str) -> bool {
    matches!(
        word,
        "anything" | "anyone" | "ask" | "author" | "authors" | "bit" | "book" | "books" | "check" | "enjoy"
            | "enjoyed" | "favorite" | "favourite" | "feature" | "features" | "featuring" | "find" | "full" | "get"
            | "gimme" | "give" | "good" | "got" | "great" | "happen" | "happens" | "hello" | "help" | "hey" | "hi"
            | "interested" | "involves" | "involving" | "kind" | "know" | "lets" | "like" | "list" | "looking" | "lot"
            | "lots" | "maybe" | "mood" | "name" | "need" | "nice" | "ok" | "okay" | "pick" | "please" | "prefer"
            | "preferably" | "read" | "reading" | "recommend" | "recommendation" | "recommendations" | "recommended"
            | "reader" | "readers" | "search" | "searching" | "set" | "show" | "similar" | "somebody" | "someone"
            | "something" | "sort" | "suggest" | "suggestion" | "suggestions" | "takes" | "tell" | "tells" | "thank"
            | "thanks" | "thing" | "things" | "title" | "titles" | "try" | "type" | "want" | "wanted" | "wants"
            | "whose" | "write" | "written" | "wrote" | "best" | "top" | "loved"
    )
}

/// Words that fit nearly every book; they count a little, for titles such as `The Book Thief` and genres such as
/// `short stories`.
pub(crate) fn is_soft_word(word: &str) -> bool {
    matches!(
        word,
        "book" | "books" | "novel" | "novels" | "story" | "stories" | "tale" | "tales" | "fiction" | "literature"
            | "literary" | "work" | "works" | "writer" | "writers" | "classic" | "classics" | "narrative" | "world"
            | "life" | "people" | "character" | "characters" | "man" | "woman" | "year" | "years" | "century"
    )
}
