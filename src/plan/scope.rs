//! Which namespaces an install looks at. Of what lies outside it knows nothing, not even that it is there.

use std::collections::BTreeSet;

/// Where an install looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In the whole cluster.
    #[default]
    Everywhere,
    /// In these namespaces, of which there is at least one.
    Only(BTreeSet<String>),
}

impl Scope {
    /// These namespaces; none named means all of them.
    pub fn of(namespaces: impl IntoIterator<Item = String>) -> Scope {
        let namespaces: BTreeSet<String> = namespaces.into_iter().collect();
        if namespaces.is_empty() { Scope::Everywhere } else { Scope::Only(namespaces) }
    }

    /// Whether what is in this namespace is seen.
    pub fn sees(&self, namespace: &str) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::Only(namespaces) => namespaces.contains(namespace),
        }
    }
}
