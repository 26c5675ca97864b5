//! The catalogue of faults: complete, explained, and each one able to break something.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use scenarios::fault::{FAULT_POINTS, Family};
use scenarios::{FaultKind, Library, load_str};

use crate::sources::named;

#[test]
fn there_are_kinds_of_every_family_and_each_example_loads() {
    let library = Library::around(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/chaos"));
    let mut families: BTreeMap<Family, u32> = BTreeMap::new();
    for key in FaultKind::KEYS {
        let explanation = FaultKind::explain(key).expect("every kind is explained");
        *families.entry(FaultKind::example(key).expect("an example").family()).or_default() += 1;
        assert!(explanation.parameters.iter().all(|parameter| !parameter.meaning.is_empty()));
        // As documented, the cache has no replicas.
        let replicated = ["redis-failover", "redis-replication-stall"].contains(key);
        let blueprint = if replicated { "aws-microservice-as-commanded" } else { "aws-microservice" };
        let text = format!(
            "title = \"example\"\nblueprint = \"{blueprint}\"\ncity = \"town\"\nstart = \"Wed 12:00\"\nduration = \"10m\"\n\
             traffic = {{ requests = \"50/s\" }}\n{}",
            explanation.example
        );
        let loaded = load_str("example.toml", &text, &library).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(loaded.scenario.faults.len(), 1);
    }
    assert!(FaultKind::KEYS.len() >= 20);
    assert_eq!(families.len(), 9, "{families:?}");
}

/// The loader's list of fault points is the one in the services' code.
#[test]
fn every_fault_point_in_the_code_can_be_armed() {
    let points = named("fault_point!(\"", &["model/platform/src"]);
    assert_eq!(points, FAULT_POINTS.iter().map(|&point| point.to_owned()).collect());
}

fn explain(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rehearse")).arg("explain").args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_kind_is_explained_with_units_defaults_and_an_example() {
    let (code, out, _) = explain(&["fault-point"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(out, @r#"
    fault-point
      Whoever reaches a named place in the code crashes there: between a commit and its consequence, for instance.

    acts
      Arms a named place in the services' code: a process that gets there crashes, between one step and the next.

    heals
      The point is disarmed after `for`, or spent after `at_most`; a process that crashed there starts again.

    parameters
      at_most  (a whole number; 1 if left out)
          It fires at most this often.
      for  (such as "90s"; must be given)
          When the point is disarmed, from the onset.
      point  (a name in quotes; must be given)
          The place in the code, such as `payments.after_capture`.
      probability  (such as "0.1%"; "100%" if left out)
          How likely whoever gets there crashes.
      restart_after  (such as "90s"; "0s" if left out)
          When a process that crashed there is started again, from its crash. Kubernetes documentation, mid-2023: the kubelet restarts a container that exits at once the first time, then after 10 s, 20 s and so on.

    example
    [[fault]]
    at = "5m"
    fault-point = { at_most = 3, for = "5m", point = "payments.after_capture", probability = "50%", restart_after = "10s" }
    "#);
    let (code, out, _) = explain(&[]);
    assert_eq!(code, Some(0));
    assert!(FaultKind::KEYS.iter().all(|key| out.contains(key)));
    let (code, out, err) = explain(&["network-dely"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(err, @"rehearse: there is no fault called network-dely (did you mean network-delay?); `rehearse explain` lists them");
}
