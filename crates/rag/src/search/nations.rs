//! Words for countries and peoples, as the languages in which their books were written.

/// The languages (folded, as words of the language member) that a folded word, or two with a blank, points to. Countries that share their
/// language with half of the collection (`American`, `Nigerian`) point to none: their own words have to do.
pub(crate) fn languages(word: &str) -> &'static [&'static str] {
    match word {
        "russia" | "russian" | "russians" | "soviet" => &["russian"],
        "japan" | "japanese" => &["japanese"],
        "france" | "french" | "parisian" => &["french"],
        "german" | "germany" | "germans" | "austria" | "austrian" | "swiss" => &["german"],
        "italy" | "italian" | "italians" => &["italian"],
        "spain" | "spanish" => &["spanish"],
        "argentina" | "argentine" | "argentinian" | "chile" | "chilean" | "colombia" | "colombian"
        | "mexico" | "mexican" | "peru" | "peruvian" | "cuban" | "cuba" => &["spanish"],
        "latin" => &["latin"],
        "portugal" | "portuguese" | "brazil" | "brazilian" => &["portuguese"],
        "china" | "chinese" => &["chinese"],
        "korea" | "korean" => &["korean"],
        "greece" | "greek" | "greeks" => &["greek"],
        "rome" | "roman" | "romans" => &["latin"],
        "arab" | "arabic" | "arabian" | "egypt" | "egyptian" | "lebanese" | "syrian" | "sudanese" => {
            &["arabic"]
        }
        "persia" | "persian" | "iran" | "iranian" => &["persian", "farsi"],
        "turkey" | "turkish" | "ottoman" => &["turkish"],
        "israel" | "israeli" | "hebrew" => &["hebrew"],
        "india" | "indian" => &["hindi", "bengali", "sanskrit", "tamil", "urdu"],
        "bengali" | "bengal" => &["bengali"],
        "vietnam" | "vietnamese" => &["vietnamese"],
        "indonesia" | "indonesian" => &["indonesian"],
        "scandinavia" | "scandinavian" | "nordic" => {
            &["swedish", "norwegian", "danish", "icelandic", "finnish", "norse"]
        }
        "sweden" | "swedish" => &["swedish"],
        "norway" | "norwegian" => &["norwegian"],
        "denmark" | "danish" => &["danish"],
        "iceland" | "icelandic" => &["icelandic", "norse"],
        "norse" | "viking" | "vikings" => &["norse", "icelandic"],
        "finland" | "finnish" => &["finnish"],
        "dutch" | "netherlands" | "holland" => &["dutch"],
        "poland" | "polish" => &["polish"],
        "czech" | "bohemian" => &["czech"],
        "hungary" | "hungarian" => &["hungarian"],
        "ukraine" | "ukrainian" => &["ukrainian"],
        "georgia" | "georgian" => &["georgian"],
        "albania" | "albanian" => &["albanian"],
        "bulgaria" | "bulgarian" => &["bulgarian"],
        "estonia" | "estonian" => &["estonian"],
        "serbia" | "serbian" | "bosnian" | "bosnia" | "croatian" | "yugoslavia" | "yugoslav" => {
            &["serbo", "serbian", "bosnian", "croatian"]
        }
        "slovenia" | "slovenian" => &["slovenian", "slovene"],
        "balkan" | "balkans" => &["serbo", "serbian", "croatian", "albanian", "bulgarian", "bosnian"],
        "mesopotamia" | "mesopotamian" | "babylonian" | "sumerian" => &["akkadian", "sumerian"],
        "maya" | "mayan" => &["iche"],
        "eastern europe" | "eastern european" | "east european" | "central european" | "central europe" => &[
            "polish",
            "czech",
            "hungarian",
            "russian",
            "bulgarian",
            "romanian",
            "serbo",
            "albanian",
            "ukrainian",
            "slovenian",
            "estonian",
        ],
        "middle east" | "middle eastern" => &["arabic", "persian", "turkish", "hebrew"],
        "latin american" | "latin america" | "south american" | "south america" => &["spanish", "portuguese"],
        _ => &[],
    }
}
