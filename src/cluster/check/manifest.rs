//! What a missing permission is granted with: manifests for `kubectl apply -f -`.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

use crate::quote::json;

/// Stands where the user's name is not known.
const UNKNOWN_USER: &str = "THE-USER-OF-THE-KUBECONFIG";

/// The `ClusterRole` that Kubernetes has for readers of the signing keys.
const KEY_READERS: &str = "system:service-account-issuer-discovery";

/// A role with exactly what attestation asks for, bound to `user`. With `claims_only` neither pods nor nodes are read.
pub(super) fn reviewer(user: Option<&str>, claims_only: bool) -> String {
    let role = if claims_only { "psat-attestor-claims" } else { "psat-attestor" };
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {role}\nrules:\n\
         - apiGroups: [\"authentication.k8s.io\"]\n  resources: [\"tokenreviews\"]\n  verbs: [\"create\"]\n"
    );
    if !claims_only {
        text.push_str("- apiGroups: [\"\"]\n  resources: [\"pods\", \"nodes\"]\n  verbs: [\"get\"]\n");
    }
    text.push_str("---\n");
    text + &binding(role, role, user)
}

/// Binds `user` to the role that may read the cluster's signing keys.
pub(super) fn key_reader(user: Option<&str>) -> String {
    binding("psat-attestor-keys", KEY_READERS, user)
}

/// A binding of its own for each user, so that applying one takes nothing from another.
fn binding(name: &str, role: &str, user: Option<&str>) -> String {
    let user = user.unwrap_or(UNKNOWN_USER);
    let name = format!("{name}:{}", part_of_a_name(user));
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {}\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {}\nsubjects:\n",
        json(&name),
        json(role),
    );
    // Writing to a String cannot fail.
    let _ = match service_account(user) {
        Some((namespace, name)) => {
            write!(text, "- kind: ServiceAccount\n  namespace: {}\n  name: {}\n", json(namespace), json(name))
        }
        None => {
            write!(text, "- apiGroup: rbac.authorization.k8s.io\n  kind: User\n  name: {}\n", json(user))
        }
    };
    text
}

/// `user` with characters that no object's name should have replaced, and then with what tells it from others.
fn part_of_a_name(user: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ":._@-".contains(c) { c } else { '-' };
    let part: String = user.chars().map(plain).collect();
    if part == user {
        return part;
    }
    let digest = digest(&SHA256, user.as_bytes());
    digest.as_ref()[..4].iter().fold(part + "-", |part, byte| format!("{part}{byte:02x}"))
}

/// Namespace and name in a service account's user name.
pub(super) fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_user_gets_a_role_with_what_is_needed_and_no_more() {
        assert_eq!(
            reviewer(Some("jane \"x\""), false),
            r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: psat-attestor
rules:
- apiGroups: ["authentication.k8s.io"]
  resources: ["tokenreviews"]
  verbs: ["create"]
- apiGroups: [""]
  resources: ["pods", "nodes"]
  verbs: ["get"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: "psat-attestor:jane--x--04f8d144"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: "psat-attestor"
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: "jane \"x\""
"#
        );
        assert!(!reviewer(Some("jane"), true).contains("pods"));
        assert!(reviewer(None, true).contains(UNKNOWN_USER));
    }

    #[test]
    fn users_that_differ_get_bindings_that_differ() {
        let names: BTreeSet<String> = ["a/b", "a b", "a-b", "a+b"].map(part_of_a_name).into();
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(part_of_a_name("system:node@x.y-z"), "system:node@x.y-z");
    }

    #[test]
    fn a_service_account_is_bound_as_one() {
        let text = key_reader(Some("system:serviceaccount:spire:spire-server"));
        assert!(text.contains("name: \"psat-attestor-keys:system:serviceaccount:spire:spire-server\"\n"));
        assert!(text.contains("  kind: ClusterRole\n  name: \"system:service-account-issuer-discovery\"\n"));
        let subject = "- kind: ServiceAccount\n  namespace: \"spire\"\n  name: \"spire-server\"\n";
        assert!(text.ends_with(subject), "{text}");
        for user in ["system:serviceaccount:a", "system:serviceaccount::b", "system:serviceaccount:a:b:c"] {
            assert!(key_reader(Some(user)).contains("kind: User"), "{user}");
        }
    }
}
