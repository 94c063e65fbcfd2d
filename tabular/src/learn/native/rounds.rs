//! Rounds of boosting: watched, ended early, cancelled. The same for both libraries.

use crate::learn::{LearnError, Run, Step};

/// Mean losses after a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Losses {
    pub(super) train: f64,
    pub(super) validation: Option<f64>,
}

/// Runs rounds as far as they help; gives each step and how many rounds are kept.
pub(super) fn run_rounds(
    run: &Run<'_>,
    rounds: usize,
    mut round: impl FnMut(usize) -> Result<Losses, LearnError>,
) -> Result<(Vec<Step>, usize), LearnError> {
    let mut history = Vec::with_capacity(rounds.min(10_000));
    let mut best = (f64::INFINITY, 0);
    for number in 0..rounds {
        run.check()?;
        let losses = round(number)?;
        let step = Step {
            step: number + 1,
            of: rounds,
            train_loss: Some(losses.train).filter(|loss| loss.is_finite()),
            validation_loss: losses.validation.filter(|loss| loss.is_finite()),
        };
        (run.progress)(step);
        history.push(step);
        if let Some(loss) = step.validation_loss
            && loss < best.0
        {
            best = (loss, number + 1);
        }
        if let (Some(patience), Some(_)) = (run.patience, losses.validation)
            && number + 1 >= best.1 + patience
        {
            return Ok((history, best.1.max(1)));
        }
    }
    Ok((history, rounds))
}
