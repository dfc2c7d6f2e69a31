import json
import sys

import gitlab

url, token, path = sys.argv[1:]
lab = gitlab.Gitlab(url, private_token=token)
lab.auth()
lab.version()
project = lab.projects.get(path)
issue = project.issues.get(1)
notes = issue.notes.list(get_all=True)
merge = project.mergerequests.list(state="opened", get_all=True)[0]
merge = project.mergerequests.get(merge.iid)
pipeline = project.pipelines.list(sha=merge.sha, get_all=True)[0]
jobs = pipeline.jobs.list(get_all=True)
commit = project.commits.get(merge.sha)
commit.statuses.create({"state": "success", "name": "python", "pipeline_id": pipeline.id})
issue.notes.create({"body": "from python"})
discussion = merge.discussions.list(get_all=True)[0]
discussion.notes.create({"body": "so do I"})
members = project.members_all.list(get_all=True)
people = [[member.username, member.access_level] for member in members if "_bot_" not in member.username]
print(json.dumps({
    "notes": len(notes),
    "emoji": [award.name for award in notes[0].awardemojis.list(get_all=True)],
    "merge_request": merge.title,
    "merge_notes": [note.body for note in merge.notes.list(get_all=True, sort="asc")][:1],
    "pipeline": pipeline.status,
    "jobs": [job.name for job in jobs],
    "trace": project.jobs.get(jobs[0].id).trace().decode(),
    "statuses": [status.name for status in commit.statuses.list(get_all=True)],
    "members": sorted(people),
    "branches": [branch.name for branch in project.branches.list(get_all=True)],
    "file": project.files.get("README.md", ref="main").decode().decode(),
    "discussions": len(merge.discussions.list(get_all=True)),
    "replies": len(project.mergerequests.get(1).discussions.list(get_all=True)[0].attributes["notes"]),
}))
