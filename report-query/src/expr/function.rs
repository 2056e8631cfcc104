//! The functions of expressions: their names in the JSON form, and how many
//! arguments they take.

macro_rules! functions {
    ($($variant:ident $name:literal $least:literal $most:expr;)*) => {
        /// A function of an expression, named as in the JSON form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Function {
            $($variant,)*
        }

        impl Function {
            /// All, in the order of the documentation.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The fewest and the most arguments.
            pub(crate) const fn arity(self) -> (usize, usize) {
                match self {
                    $(Self::$variant => ($least, $most),)*
                }
            }
        }
    };
}

const ANY: usize = usize::MAX;

functions! {
    // logic
    And "and" 1 ANY;
    Or "or" 1 ANY;
    Not "not" 1 1;
    // comparison
    Eq "eq" 2 2;
    Ne "ne" 2 2;
    Lt "lt" 2 2;
    Le "le" 2 2;
    Gt "gt" 2 2;
    Ge "ge" 2 2;
    EqCi "eq_ci" 2 2;
    In "in" 2 2;
    InCi "in_ci" 2 2;
    Between "between" 3 3;
    // null
    IsNull "is_null" 1 1;
    IsNotNull "is_not_null" 1 1;
    Coalesce "coalesce" 1 ANY;
    // text
    StartsWith "starts_with" 2 2;
    StartsWithCs "starts_with_cs" 2 2;
    EndsWith "ends_with" 2 2;
    EndsWithCs "ends_with_cs" 2 2;
    Contains "contains" 2 2;
    ContainsCs "contains_cs" 2 2;
    HasTerm "has_term" 2 2;
    HasTermCs "has_term_cs" 2 2;
    Concat "concat" 1 ANY;
    Lower "lower" 1 1;
    Upper "upper" 1 1;
    Trim "trim" 1 1;
    Replace "replace" 3 3;
    Substring "substring" 2 3;
    Split "split" 2 2;
    // text or list
    Length "length" 1 1;
    // list
    Join "join" 2 2;
    Distinct "distinct" 1 1;
    SortItems "sort_items" 1 1;
    Get "get" 2 2;
    Take "take" 2 2;
    ConcatLists "concat_lists" 1 ANY;
    Flatten "flatten" 1 1;
    // number
    Add "add" 2 2;
    Sub "sub" 2 2;
    Mul "mul" 2 2;
    Div "div" 2 2;
    Quotient "quotient" 2 2;
    Rem "rem" 2 2;
    Neg "neg" 1 1;
    Abs "abs" 1 1;
    Round "round" 1 2;
    Greatest "greatest" 1 ANY;
    Least "least" 1 ANY;
    // time
    SecondsBetween "seconds_between" 2 2;
    AddSeconds "add_seconds" 2 2;
    // conversion
    ToText "to_text" 1 1;
    ToInt "to_int" 1 1;
    ToFloat "to_float" 1 1;
    ToTime "to_time" 1 1;
    ToId "to_id" 1 1;
}

impl Function {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|function| function.name() == name)
    }

    /// Whether a null argument makes the result null, whatever the others are.
    pub(crate) const fn is_strict(self) -> bool {
        !matches!(
            self,
            Self::And
                | Self::Or
                | Self::IsNull
                | Self::IsNotNull
                | Self::Coalesce
                | Self::Greatest
                | Self::Least
                | Self::ConcatLists
        )
    }

    /// Whether it looks at texts without regard to case.
    pub(crate) const fn folds_case(self) -> bool {
        matches!(
            self,
            Self::EqCi
                | Self::InCi
                | Self::StartsWith
                | Self::EndsWith
                | Self::Contains
                | Self::HasTerm
        )
    }
}
