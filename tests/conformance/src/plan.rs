//! From cases to runs: every style, every lookup and every way into the library that a case is to be seen through.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::format::{Base, Case, Expect, Via};
use crate::text::{Names, merge};

/// `error_style`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The library's default.
    Precise,
    /// As SPIRE's built-in plugin.
    Upstream,
}

/// What is asked of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// An attestation. In a configuration case it does not get that far: making the attestor, or configuring it,
    /// is refused, and the document is theirs.
    Attest(Via),
    /// `validate`
    Validate,
}

/// A case seen through one style, lookup and way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) case: &'a Case,
    pub(crate) style: Style,
    pub(crate) lookup: Option<&'a str>,
    pub(crate) way: Way,
}

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = if self.style == Style::Precise { "precise" } else { "upstream" };
        let way = match (self.way, self.case.is_about_configuration()) {
            (Way::Validate, _) => "validate",
            (Way::Attest(Via::Blocking), true) => "new",
            (Way::Attest(_), true) => "configure",
            (Way::Attest(Via::Explain), _) => "explain",
            (Way::Attest(Via::Keys), _) => "keys",
            (Way::Attest(Via::Blocking), false) => "blocking",
            (Way::Attest(Via::Queue), false) => "queue",
            (Way::Attest(Via::Crowd), false) => "crowd",
        };
        write!(f, "{} [{style}, ", self.case.title())?;
        if let Some(lookup) = self.lookup {
            write!(f, "{lookup}, ")?;
        }
        write!(f, "{way}]")
    }
}

/// All runs of a case.
pub(crate) fn runs_of<'a>(base: &Base, case: &'a Case) -> Result<Vec<Run<'a>>, String> {
    let mut styles = vec![Style::Precise];
    styles.extend(case.upstream.as_ref().map(|_| Style::Upstream));
    let lookups: Vec<Option<&str>> = match case.lookups.as_slice() {
        [] => vec![None],
        named => named.iter().map(|lookup| Some(lookup.as_str())).collect(),
    };
    let mut runs = Vec::new();
    for style in styles {
        for &lookup in &lookups {
            for way in ways_of(base, case)? {
                runs.push(Run { case, style, lookup, way });
            }
        }
        if style == Style::Precise && case.via.is_none() && case.turns_verifying_off() {
            let way = Way::Attest(Via::Keys);
            runs.extend(lookups.iter().map(|&lookup| Run { case, style, lookup, way }));
        }
        // It asks one call after the other whatever the lookup is, so one of them is enough.
        if case.via.is_none() && !case.is_about_configuration() {
            runs.push(Run { case, style, lookup: lookups[0], way: Way::Attest(Via::Explain) });
        }
    }
    Ok(runs)
}

fn ways_of(base: &Base, case: &Case) -> Result<Vec<Way>, String> {
    let both = vec![Way::Attest(Via::Blocking), Way::Attest(Via::Queue)];
    if !case.is_about_configuration() {
        return Ok(case.via.as_ref().map_or(both, |some| some.iter().copied().map(Way::Attest).collect()));
    }
    let mut ways = vec![Way::Validate];
    let probe = Run { case, style: Style::Precise, lookup: None, way: Way::Validate };
    if probe.expect_value(base)?["code"] != 0 {
        ways.extend(both);
    }
    Ok(ways)
}

impl Run<'_> {
    /// The configuration as bytes; `None` = the NULL pointer.
    pub(crate) fn config(&self, base: &Base, names: &Names) -> Result<Option<Vec<u8>>, String> {
        if let Some(text) = self.case.config_text.as_ref().or(self.case.validate_text.as_ref()) {
            if self.style == Style::Upstream {
                return Err("a literal configuration cannot be run in the other style".to_owned());
            }
            return text.bytes(names);
        }
        let mut config = base.config.clone();
        apply(&mut config, &self.case.config);
        apply(&mut config, self.case.validate.as_ref().unwrap_or(&Value::Null));
        if self.style == Style::Upstream {
            config["error_style"] = json!("upstream");
            apply(&mut config, &self.case.upstream_config);
        }
        if self.way == Way::Attest(Via::Keys) {
            for cluster in config["clusters"].as_object_mut().into_iter().flat_map(Map::values_mut) {
                cluster["verify_signature"] = json!("auto");
            }
        }
        // The default is left to the library, so that it is seen.
        if let Some(lookup) = self.lookup.filter(|&lookup| lookup != "auto") {
            for cluster in config["clusters"].as_object_mut().into_iter().flat_map(Map::values_mut) {
                cluster["lookup"] = json!(lookup);
            }
        }
        Ok(Some(names.fill_value(&config)?.to_string().into_bytes()))
    }

    /// The cluster's state, not yet filled.
    pub(crate) fn world(&self, base: &Base) -> Value {
        let mut world = base.world.clone();
        apply(&mut world, &self.case.world);
        if !self.case.review.is_null() {
            world["answers"]["token_review"] = json!([{"patch": {"status": self.case.review}}]);
        }
        for (list, patch) in [("pods", &self.case.pod), ("nodes", &self.case.node)] {
            if let Some(first) = world[list].get_mut(0) {
                apply(first, patch);
            }
        }
        world
    }

    /// The token asked for. Its members replace the base's as they are: a `null` means something to the cluster.
    pub(crate) fn token(&self, base: &Base) -> Value {
        let mut token = base.token.clone();
        for (key, value) in self.case.token.as_object().into_iter().flatten() {
            token[key] = value.clone();
        }
        token
    }

    /// What the agent sends.
    pub(crate) fn payload(&self, base: &Base, names: &Names) -> Result<Option<Vec<u8>>, String> {
        if self.case.is_about_configuration() {
            return Ok(None);
        }
        self.case.payload.as_ref().unwrap_or(&base.payload).bytes(names)
    }

    /// What the host adds.
    pub(crate) fn options(&self, names: &Names) -> Result<Option<Vec<u8>>, String> {
        self.case.options.as_ref().map_or(Ok(None), |options| options.bytes(names))
    }

    /// What this run must end in.
    pub(crate) fn expect(&self, base: &Base, names: &Names) -> Result<Expect, String> {
        let value = names.fill_value(&self.expect_value(base)?)?;
        serde_json::from_value(value).map_err(|error| format!("expect: {error}"))
    }

    fn expect_value(&self, base: &Base) -> Result<Value, String> {
        let mut expect = self.case.expect.clone();
        if self.style == Style::Upstream {
            // Notes are the same but for one about what the style loses: they are looked at where a case says so.
            if let Some(members) = expect.as_object_mut() {
                members.remove("notes");
            }
            apply(&mut expect, self.case.upstream.as_ref().unwrap_or(&Value::Null));
        }
        let mut whole = match expect.as_object_mut().and_then(|members| members.remove("like")) {
            Some(name) => {
                let model = name.as_str().and_then(|name| base.expectations.get(name));
                model.cloned().ok_or_else(|| format!("no expectation is named {name}"))?
            }
            None => Value::Null,
        };
        merge(&mut whole, &expect);
        let by_lookup = whole.as_object_mut().and_then(|members| members.remove("by_lookup"));
        let patch = by_lookup.as_ref().and_then(|patches| patches.get(self.lookup.unwrap_or("auto")));
        apply(&mut whole, patch.unwrap_or(&Value::Null));
        if self.way == Way::Attest(Via::Keys) {
            // Which calls are made is what differs.
            if let Some(members) = whole.as_object_mut() {
                members.retain(|name, _| !matches!(name.as_str(), "calls" | "lookup"));
            }
            apply(&mut whole, &self.case.by_keys);
        }
        Ok(whole)
    }
}

/// Merges a patch that may be absent.
fn apply(target: &mut Value, patch: &Value) {
    if !patch.is_null() {
        merge(target, patch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        serde_json::from_value(json!({
            "about": "", "payload": "p", "token": {"pod": "a"},
            "config": {"clusters": {"demo": {"audience": ["a"]}}},
            "world": {"pods": [{"spec": {"nodeName": "n", "x": 1}}], "nodes": []},
            "expectations": {"attested": {"code": 0, "reason": "OK"}},
        }))
        .expect("a base")
    }

    fn case(fields: &Value) -> Case {
        let mut whole = json!({"name": "n", "expect": {"like": "attested"}});
        merge(&mut whole, fields);
        serde_json::from_value(whole).expect("a case")
    }

    #[test]
    fn a_case_is_run_in_every_style_lookup_and_way() {
        let case = case(&json!({"upstream": {}, "lookups": ["auto", "sequential"]}));
        let runs = runs_of(&base(), &case).expect("runs");
        assert_eq!(runs.len(), 10);
        assert_eq!(runs[0].to_string(), "/n [precise, auto, blocking]");
        assert_eq!(runs[4].to_string(), "/n [precise, auto, explain]");
        assert_eq!(runs[8].to_string(), "/n [upstream, sequential, queue]");
    }

    #[test]
    fn a_refused_configuration_is_also_put_to_new_and_configure() {
        let ways = |expect: Value| {
            let case = case(&json!({"validate": {}, "expect": expect}));
            runs_of(&base(), &case).expect("runs").iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(ways(json!({})), ["/n [precise, validate]"]);
        assert_eq!(ways(json!({"code": 3})).last().map(String::as_str), Some("/n [precise, configure]"));
    }

    #[test]
    fn style_and_lookup_reach_the_configuration() {
        let case =
            case(&json!({"upstream": {}, "lookups": ["sequential"], "upstream_config": {"engine": {}}}));
        let runs = runs_of(&base(), &case).expect("runs");
        let config = runs[3].config(&base(), &Names::default()).expect("filled").expect("not NULL");
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        let cluster = json!({"audience": ["a"], "lookup": "sequential"});
        assert_eq!(config, json!({"clusters": {"demo": cluster}, "error_style": "upstream", "engine": {}}));
    }

    #[test]
    fn pods_are_patched_in_place_and_token_members_replaced() {
        let mut case = case(&json!({}));
        case.pod = json!({"spec": {"nodeName": null}});
        case.token = json!({"pod": null});
        let run = runs_of(&base(), &case).expect("runs")[0];
        assert_eq!(run.world(&base())["pods"], json!([{"spec": {"x": 1}}]));
        assert_eq!(run.token(&base()), json!({"pod": null}));
    }

    #[test]
    fn expectations_are_built_from_model_lookup_and_style() {
        let case = case(&json!({
            "upstream": {"message": "u"}, "lookups": ["auto", "claims"],
            "expect": {"message": "m", "by_lookup": {"claims": {"code": 9}}},
        }));
        let runs = runs_of(&base(), &case).expect("runs");
        let outcome = |run: &Run| {
            let expect = run.expect(&base(), &Names::default()).expect("an expectation");
            (expect.code, expect.message.unwrap_or_default())
        };
        assert_eq!(outcome(&runs[0]), (0, "m".to_owned()));
        assert_eq!(outcome(&runs[2]), (9, "m".to_owned()));
        assert_eq!(outcome(&runs[7]), (9, "u".to_owned()));
    }
}
