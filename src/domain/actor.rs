//! Who did something, and what the forge lets them do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The sender of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    pub login: String,
    /// The forge's numeric id; a login can be renamed and taken by somebody else.
    pub id: i64,
    pub kind: ActorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    Person,
    Bot,
}

/// What somebody may do in a repository, weakest first, so that `>=` asks "is this enough".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

/// The `permissions` object that GitHub gives beside a collaborator: one yes or no per built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RoleFlags {
    pub pull: bool,
    pub triage: bool,
    pub push: bool,
    pub maintain: bool,
    pub admin: bool,
}

impl Permission {
    /// Weakest first.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Read, Self::Triage, Self::Write, Self::Maintain, Self::Admin];

    /// Reads one of the six words, in lower case only: an organisation may call a weak custom role `Admin`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }

    /// Reads the forge's answer about a collaborator.
    ///
    /// `role_name` is the exact role but may be a custom one; `permission` knows custom roles by what they stand on, but
    /// only as admin, write, read or none; the booleans come last. An answer that says nothing known gives no right.
    /// See <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>.
    pub fn from_forge(role_name: Option<&str>, permission: Option<&str>, flags: Option<RoleFlags>) -> Self {
        role_name
            .and_then(Self::parse)
            .or_else(|| permission.and_then(Self::parse))
            .or_else(|| flags.map(Self::from_flags))
            .unwrap_or(Self::None)
    }

    fn from_flags(flags: RoleFlags) -> Self {
        match flags {
            RoleFlags { admin: true, .. } => Self::Admin,
            RoleFlags { maintain: true, .. } => Self::Maintain,
            RoleFlags { push: true, .. } => Self::Write,
            RoleFlags { triage: true, .. } => Self::Triage,
            RoleFlags { pull: true, .. } => Self::Read,
            _ => Self::None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        role_name: Option<&str>,
        permission: Option<&str>,
        flags: Option<RoleFlags>,
        expected: Permission,
    ) {
        assert_eq!(Permission::from_forge(role_name, permission, flags), expected);
    }

    #[test]
    fn the_role_name_is_believed_first() {
        check(Some("maintain"), Some("write"), None, Permission::Maintain);
        check(Some("triage"), Some("read"), None, Permission::Triage);
        check(Some("none"), Some("admin"), None, Permission::None);
    }

    #[test]
    fn a_custom_role_falls_back_to_the_permission_it_stands_on() {
        check(Some("release-captain"), Some("write"), None, Permission::Write);
        check(Some("Admin"), Some("read"), None, Permission::Read);
        check(None, Some("admin"), None, Permission::Admin);
    }

    #[test]
    fn the_booleans_decide_when_no_word_is_known() {
        let push = RoleFlags { pull: true, triage: true, push: true, ..RoleFlags::default() };
        check(Some("release-captain"), Some("custom"), Some(push), Permission::Write);
        check(None, None, Some(RoleFlags { pull: true, ..RoleFlags::default() }), Permission::Read);
        check(None, None, Some(RoleFlags { maintain: true, ..push }), Permission::Maintain);
        check(None, None, Some(RoleFlags::default()), Permission::None);
    }

    #[test]
    fn an_answer_that_says_nothing_gives_no_right() {
        check(None, None, None, Permission::None);
        check(Some(""), Some(""), None, Permission::None);
    }

    #[test]
    fn permissions_are_ordered_and_round_trip_through_their_names() {
        assert!(Permission::ALL.is_sorted());
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(&permission.to_string()), Some(permission));
        }
    }
}
