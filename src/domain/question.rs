//! A question that a task waits with: what is asked, of whom, and the answers to choose from.

use crate::word::words;
use crate::{QuestionId, Timestamp};

words! {
    /// What a question is about.
    QuestionKind, "question kind" {
        /// May the agent do this?
        Permission = "permission",
        /// What becomes of a lost attempt that had side effects?
        Recovery = "recovery",
        /// Anything else, answered in words.
        Text = "text",
    }
}

words! {
    /// Who may answer.
    QuestionFor, "who may answer" {
        /// A person, at a terminal or through a client that asks one.
        Person = "person",
        /// The program that submitted the task.
        Caller = "caller",
    }
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionOption {
    /// The word by which it is chosen.
    pub id: String,
    /// What it means, for people.
    pub label: String,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: QuestionId,
    /// What it is about.
    pub kind: QuestionKind,
    /// Who may answer.
    pub asked_of: QuestionFor,
    /// The question itself, for people.
    pub text: String,
    /// The answers to choose from; none if any text will do.
    pub options: Vec<QuestionOption>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when an answer counts; without end if none.
    pub answer_by: Option<Timestamp>,
}
