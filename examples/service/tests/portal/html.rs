//! As much of HTML as the tests look at.

/// The text between two marks, the first time it is there.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// Text as it is read: tags gone, entities resolved, blanks single.
pub(crate) fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    unescape(&text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// All addresses that a page leads to.
pub(crate) fn links(html: &str) -> Vec<String> {
    html.split(" href=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(link, _)| unescape(link))
        .filter(|link| link.starts_with('/'))
        .map(|link| link.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

/// A number with its groups.
pub(crate) fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number: {text}"))
}

/// How many activities a page of the log says there are.
#[track_caller]
pub(crate) fn total(html: &str) -> u64 {
    let total = between(html, "<p class=\"tot\"><b>", "</b>");
    number(total.unwrap_or_else(|| panic!("no total: {}", text_of(html))))
}

/// The names in the chips.
pub(crate) fn chips(html: &str) -> Vec<String> {
    html.split("<li class=\"chip\">")
        .skip(1)
        .filter_map(|chip| chip.split_once("</li>"))
        .map(|(chip, _)| text_of(chip))
        .collect()
}

/// Links of the tables behind charts, each with the number that stands for it.
#[track_caller]
pub(crate) fn table_rows(page: &str, heading: &str) -> Vec<(String, u64)> {
    let table = between(
        page,
        &format!("aria-label=\"{heading}, table\""),
        "</table>",
    )
    .unwrap();
    table
        .split("<tr>")
        .skip(2)
        .map(|row| {
            let last = row.rsplit("<td class=\"num\">").next().unwrap();
            (
                links(row)[0].clone(),
                number(last.split('<').next().unwrap()),
            )
        })
        .collect()
}
