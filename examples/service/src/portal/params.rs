//! Parameters of an address: read, checked by name, written in one order.

use std::fmt;

/// Names and values of an address, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub fn parse(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.add(name, value);
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub fn encode(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(self.iter());
        out.finish()
    }

    /// An address with these parameters.
    pub fn link(&self, path: &str) -> String {
        if self.0.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", self.encode())
        }
    }

    /// Refuses every name that is not of the list.
    pub fn only(&self, known: &[&str]) -> Result<(), BadParameter> {
        match self.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(BadParameter::unknown(name)),
            None => Ok(()),
        }
    }

    /// The one value of a name; a second one is refused, an empty one is none.
    pub fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, BadParameter> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(BadParameter::new(name, "may be given once"));
        }
        Ok(first.map(str::trim).filter(|value| !value.is_empty()))
    }
}

/// A parameter that a page does not know, or whose value it can't read. The page says
/// so and shows nothing else: what was ignored would be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub why: String,
}

impl BadParameter {
    pub fn new(name: &str, why: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            why: why.into(),
        }
    }

    pub fn unknown(name: &str) -> Self {
        Self::new(name, "is not a parameter of this page")
    }
}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter `{}` {}", self.name, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_back() {
        let pairs = Pairs::default()
            .with("q", "a&b=c d+é")
            .with("q", "")
            .with("x.not", "1");
        assert_eq!(Pairs::parse(&pairs.encode()), pairs);
        assert_eq!(pairs.link("/log"), "/log?q=a%26b%3Dc+d%2B%C3%A9&q=&x.not=1");
    }

    #[test]
    fn unknown_and_repeated_names_are_refused() {
        let pairs = Pairs::parse("a=1&b=2&b=3&c=+");
        assert_eq!(pairs.only(&["a", "c"]).unwrap_err().name, "b");
        assert_eq!(pairs.single("a"), Ok(Some("1")));
        assert_eq!(pairs.single("c"), Ok(None));
        assert_eq!(pairs.single("b").unwrap_err().name, "b");
    }
}
