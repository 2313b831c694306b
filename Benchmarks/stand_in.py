#!/usr/bin/env python3
"""A W&B server that takes everything and counts rows: what tracking.py sends to. Prints its port."""
import http.server
import json
import re


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lines = {}

    def log_message(self, *_):
        pass

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({})

    def do_GET(self):
        self.answer(self.lines)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if stream := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
            rows = body.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
            known = self.lines.get(stream[1], 0)
            self.lines[stream[1]] = max(known, rows["offset"] + len(rows["content"]))
            return self.answer({"exitcode": None, "limits": {}})
        query, given = body["query"], body["variables"]
        owner = {"id": "E", "name": "lab"}
        if "upsertBucket(" in query:
            project = {"id": "P", "name": given["project"], "entity": owner}
            bucket = {"id": "R", "name": given["name"], "displayName": "x", "project": project}
            return self.answer({"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}})
        if "createRunFiles(" in query:
            host = self.headers["Host"]
            files = [{"name": name, "uploadUrl": f"http://{host}/put"} for name in given["files"]]
            return self.answer({"data": {"createRunFiles": {"runID": "R", "uploadHeaders": [], "files": files}}})
        if "model(" in query:
            return self.answer({"data": {"model": None}})
        self.answer({"data": {"viewer": {"id": "U", "entity": "lab", "username": "lab", "flags": "{}"}}})


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
