//! A campaign that Headroom has paused and lets go on: whether it stands exactly as it was left, to the last reading. Changes nothing.

use futures::future::try_join_all;

use super::prepare::{Own, is_its_own, reached};
use super::{Known, Listed, Server, Trouble};
use crate::plan::inquiry::Still;
use crate::plan::listmonk::wave_tag;

/// What must be found of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Its number, and the last person on its list.
    pub known: Known,
    /// How it was left.
    pub left: Still,
    /// To how many people its wave goes at most.
    pub most: u64,
    /// The key of its wave, the send's label and the last person of each wave before it, where it has a list of its own.
    pub own: Option<(String, String, Vec<u64>)>,
}

/// Whether it is so; or what has changed.
pub async fn is_as_left(server: &Server<'_>, paused: &Paused) -> Result<(), Trouble> {
    let id = paused.known.campaign;
    let unfit = |why: &str| {
        Err(Trouble::Unfit(format!(
            "campaign {id} of listmonk {why}; it stands still. Set it right there, or end the send with spec.abort"
        )))
    };
    let there = server.campaign(id, false).await?;
    if !there.is_paused() || there.account().still().as_ref() != Some(&paused.left) {
        return unfit("is not as Headroom left it");
    }
    let paths: Vec<String> = there.list_ids().into_iter().map(|list| format!("/api/lists/{list}")).collect();
    let lists = try_join_all(paths.iter().map(|path| server.get::<Listed>(path))).await?;
    if reached(server, &lists).await? > paused.most {
        return unfit("would reach more people by now than headroom was confirmed for");
    }
    let Some((key, salt, after)) = &paused.own else { return Ok(()) };
    let (salt, after, last) = (salt.clone(), after.clone(), paused.known.last);
    match lists.as_slice() {
        [list] if there.bears(&wave_tag(key)) => {
            let own = Own { list: list.id, salt, after, last, most: paused.most };
            if is_its_own(server, &own).await? {
                Ok(())
            } else {
                unfit("has people on its list who are not of its wave")
            }
        }
        _ => unfit("has not the list and the tag of its wave any more"),
    }
}
