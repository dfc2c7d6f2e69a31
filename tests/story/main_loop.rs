//! The main loop: an issue comment becomes a merged pull request.

use super::world::World;
use insta::assert_snapshot;

const BRANCH: &str = "0001-split-the-importer";

#[actix_web::test]
async fn a_comment_becomes_a_merged_pull_request() {
    let mut world = World::new().await;
    let asked = world.comments("bob", 1, "/protocol new");
    world.settle().await;
    assert_eq!(world.reactions(1, asked), ["eyes", "rocket"]);
    assert_snapshot!(world.reads(1).join("\n---\n"), @r#"
    ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    The work is in #2: its steps, its plan and what it waits for are shown there.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    assert_snapshot!(world.reads(2).join("\n---\n"), @r"
    ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | ▫️ to do | not needed | – | – | – |
    | 01 Do parser | ▫️ to do | – | – | – | – |
    | 02 Do writer | ▫️ to do | – | – | – | – |

    <details><summary>Plan 1</summary>

    ```markdown
    # Plan
    ```

    </details>

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 1](<</runs/1>>)</sub>
    ");
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / plan: Completed Success, 3 steps, plan 1
    TasksGodzilla / protocol: Completed ActionRequired, Planned: 3 steps
    ");

    world.comments("bob", 2, "/protocol run");
    world.settle().await;
    world.ci_finishes().await;
    assert_snapshot!(world.reads(2).join("\n---\n"), @r"
    ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | – | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | – | 240 |
    | [02 Do writer](<</runs/6>>) | ✅ done | passed | – | – | 240 |

    <details><summary>Plan 1</summary>

    ```markdown
    # Plan
    ```

    </details>

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 6](<</runs/6>>)</sub>
    ");
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / 02 writer QA: Completed Success, Passed
    TasksGodzilla / 02 writer: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 3 steps are done; waiting for the merge
    ");

    world.comments("bob", 2, "/protocol merge");
    world.settle().await;
    assert_snapshot!(world.headline(1), @"✅ **Merged.** Nothing for you to do.");
    assert_snapshot!(world.headline(2), @"✅ **Merged.** Nothing for you to do.");
    world.finish().await;
}
