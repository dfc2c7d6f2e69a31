import json
import sys

import gitlab

url, token, path = sys.argv[1:]
lab = gitlab.Gitlab(url, private_token=token)
lab.auth()
project = lab.projects.get(path)
issue = project.issues.get(1)
[merge] = project.mergerequests.list(state="all", get_all=True)
merge = project.mergerequests.get(merge.iid)
commit = project.commits.get(merge.sha)


def bots(notes):
    return [note.body.splitlines()[0] for note in notes if "_bot_" in note.author["username"] and not note.system]


print(json.dumps({
    "on_issue": bots(issue.notes.list(get_all=True, sort="asc")),
    "on_merge_request": bots(merge.notes.list(get_all=True, sort="asc")),
    "merge_request": [merge.title, merge.state, merge.draft, merge.target_branch],
    "awards": sorted({award.name for note in issue.notes.list(get_all=True) for award in note.awardemojis.list(get_all=True)}),
    "statuses": sorted([status.name, status.status] for status in commit.statuses.list(get_all=True)),
    "discussions": len(merge.discussions.list(get_all=True)) > 0,
}))
