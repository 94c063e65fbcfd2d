//! The parts of the page, one for each kind of result.

use std::fmt::Write as _;

use super::super::charts::{confidence, precision_recall};
use super::{charts, tables};
use crate::evaluate::detection::Confusion;
use crate::robustness::RobustnessLine;
use crate::{CountSection, DetectionSection, IdentificationSection, Mistakes};
use vision::plot::{escape, heatmap};

/// Classes plotted in a confusion matrix; more become a list.
const MAX_CLASSES: usize = 24;

pub(super) fn card(title: &str, content: &str) -> String {
    format!("<article class=\"card\"><h3>{title}</h3>{content}</article>")
}

pub(super) fn detection(section: &DetectionSection) -> String {
    let mut out = String::from("<h2>Detection</h2><div class=\"grid\">");
    out.push_str(&card(
        "Precision over recall, mean over classes",
        &precision_recall(section).html("Precision over recall"),
    ));
    out.push_str(&card(
        "Over the confidence threshold, IoU .50",
        &confidence(section).html("Precision, recall and F1 over the confidence threshold"),
    ));
    out.push_str(&card("Mistakes at the serving confidence, by cause", &mistakes(&section.mistakes)));
    let ece = tables::number(section.reliability.expected_error);
    let diagram = charts::reliability(&section.reliability, "stated confidence", "fraction right");
    out.push_str(&card(
        &format!("Reliability of what is served <span class=\"sub\">expected error {ece}</span>"),
        &diagram,
    ));
    out.push_str("</div>");
    let _ = write!(out, "<h2>Confusion</h2><div class=\"grid\">{}</div>", confusion(&section.confusion));
    let _ = write!(out, "<h2>Classes</h2><div class=\"card\">{}</div>", tables::classes(section));
    if let Some(goal) = &section.precision_goal {
        let (title, tables) = (format!("Confidence for precision {}", goal.precision), tables::precision_goal(goal));
        let _ = write!(out, "<h2>{title}</h2><div class=\"card\">{tables}</div>");
    }
    if !section.slices.is_empty() {
        let _ = write!(out, "<h2>Slices</h2><div class=\"card\">{}</div>", tables::slices(&section.slices));
    }
    out
}

/// Two bars of causes, missed and invented.
fn mistakes(mistakes: &Mistakes) -> String {
    let (m, i) = (mistakes.missed, mistakes.invented);
    let bar = |title: &str, total: u64, parts: [(&str, u64); 4]| {
        let (mut strip, mut keys) = (String::new(), String::new());
        for (k, (name, count)) in (1..).zip(parts) {
            let fraction = if total == 0 { 0.0 } else { count as f64 / total as f64 * 100.0 };
            let _ = write!(strip, "<i class=\"k{k}\" style=\"width:{fraction:.2}%\" title=\"{name}: {count}\"></i>");
            let _ = write!(keys, "<span><i class=\"k{k}\"></i>{name} <b>{count}</b></span>");
        }
        format!(
            "<p style=\"margin-bottom:2px\">{title} <b>{total}</b></p><div class=\"split\">{strip}</div><div class=\"keys\">{keys}</div>"
        )
    };
    let missed = [
        ("found, but below the confidence", m.unsure),
        ("as another class", m.other_class),
        ("badly placed", m.badly_placed),
        ("not seen", m.not_seen),
    ];
    let invented = [
        ("second box on a found one", i.duplicate),
        ("wrong class", i.other_class),
        ("badly placed", i.badly_placed),
        ("background", i.background),
    ];
    bar("True boxes missed", m.total(), missed) + &bar("Boxes invented", i.total(), invented)
}

fn confusion(confusion: &Confusion) -> String {
    let side = confusion.classes.len();
    let name = |c: usize| confusion.classes.get(c).cloned().unwrap_or_else(|| "background".to_owned());
    let mut mistakes: Vec<(u64, usize, usize)> = (0..=side)
        .flat_map(|t| (0..=side).map(move |p| (t, p)))
        .filter(|(t, p)| t != p)
        .map(|(t, p)| (confusion.counts[t][p], t, p))
        .filter(|m| m.0 > 0)
        .collect();
    mistakes.sort_by_key(|m| (std::cmp::Reverse(m.0), m.1, m.2));
    // Of many classes those with the most mistakes among themselves and the background.
    let mut weight = vec![0; side];
    for &(count, t, p) in &mistakes {
        [t, p].into_iter().filter(|c| *c < side).for_each(|c| weight[c] += count);
    }
    let mut shown: Vec<usize> = (0..side).collect();
    shown.sort_by_key(|&c| std::cmp::Reverse(weight[c]));
    shown.truncate(MAX_CLASSES);
    shown.sort_unstable();
    shown.push(side);
    let names: Vec<String> = shown.iter().map(|&c| name(c)).collect();
    let mut columns = names.clone();
    let mut rows = names;
    *columns.last_mut().expect("the background is shown") = "not found".to_owned();
    *rows.last_mut().expect("the background is shown") = "nothing there".to_owned();
    let counts: Vec<Vec<u64>> =
        shown.iter().map(|&t| shown.iter().map(|&p| confusion.counts[t][p]).collect()).collect();
    let title = if side > MAX_CLASSES {
        format!("The {MAX_CLASSES} classes with the most mistakes")
    } else {
        "Pairs at IoU .50 whatever the class, at the serving confidence".to_owned()
    };
    let list: Vec<Vec<String>> = mistakes
        .iter()
        .take(60)
        .map(|&(count, t, p)| {
            let truth = if t == side { "nothing there".to_owned() } else { escape(&name(t)) };
            let predicted = if p == side { "not found".to_owned() } else { escape(&name(p)) };
            vec![truth, predicted, count.to_string()]
        })
        .collect();
    card(&title, &heatmap(&rows, &columns, &counts).heat_html("Confusion matrix"))
        + &card("Most frequent mistakes", &tables::table(&["Is", "Taken for", "#Times"], &list))
}

pub(super) fn identification(section: &IdentificationSection) -> String {
    let mut out = String::from("<h2>SKU identification</h2><div class=\"grid\">");
    if section.acceptance.is_empty() {
        let text = "<p class=\"small\">No crops of unknown products were given, so what a threshold keeps out is not known. \
                    Give some with <code>--unknown</code>.</p>";
        out.push_str(&card("Known and unknown", text));
    } else {
        out.push_str(&card("What a similarity threshold accepts", &charts::acceptance(section)));
    }
    let ece = tables::number(section.reliability.expected_error);
    let diagram = charts::reliability(&section.reliability, "similarity", "fraction right");
    out.push_str(&card(&format!("Reliability <span class=\"sub\">expected error {ece}</span>"), &diagram));
    out.push_str(&card("SKUs, the worst first", &tables::skus(section)));
    let none = "<p class=\"small\">None.</p>".to_owned();
    out.push_str(&card("Taken for another", &if section.pairs.is_empty() { none } else { tables::pairs(section) }));
    out.push_str("</div>");
    if !section.suspects.is_empty() {
        let _ = write!(
            out,
            "<h2>Perhaps mislabelled</h2><div class=\"card\"><p class=\"small\">Crops far closer to another SKU than to their own.</p>{}</div>",
            tables::suspects(section)
        );
    }
    if !section.slices.is_empty() {
        let _ = write!(
            out,
            "<h2>Identification by slice</h2><div class=\"card\">{}</div>",
            tables::slices(&section.slices)
        );
    }
    out
}

pub(super) fn counts(section: &CountSection) -> String {
    let mut out = String::from("<h2>Counts</h2><div class=\"grid\">");
    out.push_str(&card("Counted over true, one dot per image and SKU", &charts::scatter(section)));
    out.push_str(&card("SKUs, the worst first", &tables::worst_counts(section, true)));
    out.push_str(&card("Images, the worst first", &tables::worst_counts(section, false)));
    if !section.slices.is_empty() {
        out.push_str(&card("By slice", &tables::slices(&section.slices)));
    }
    out.push_str("</div>");
    out
}

pub(super) fn robustness(lines: &[RobustnessLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "<h2>Robustness</h2><div class=\"card\"><p class=\"small\">The same images under damage; faint: untouched.</p>{}{}</div>",
        charts::robustness(lines),
        tables::robustness(lines)
    )
}
