import Foundation
import WandB

// file_stream: lines at their offsets, and everything W&B's own client promises about them.
extension StandInBackend {
    func stream(
        entity: String, project: String, run name: String, _ body: [String: Any], _ bytes: Data,
        _ state: inout State
    ) -> Reply {
        guard var run = state.runs[name], run.entity == entity, run.project == project else {
            state.violations.append("file_stream before UpsertBucket")
            return Reply(status: 404)
        }
        if body.isEmpty { state.heartbeats += 1 }
        if !["running", "preempting"].contains(run.state), bytes != run.lastBody {
            state.violations.append("a request after complete")
        }
        let isRepeat = bytes == run.lastBody && !body.isEmpty
        for key in body.keys where !["files", "uploaded", "preempting", "complete", "exitcode"].contains(key) {
            state.violations.append("file_stream with \(key)")
        }
        for (file, chunk) in body["files"] as? [String: [String: Any]] ?? [:] {
            guard let offset = chunk["offset"] as? Int, let lines = chunk["content"] as? [String],
                !lines.isEmpty
            else {
                state.violations.append("\(file) without offset or content")
                continue
            }
            for key in chunk.keys where !["offset", "content"].contains(key) {
                state.violations.append("\(file) with \(key)")
            }
            switch file {
            case "wandb-history.jsonl":
                store(lines, at: offset, isRepeat, file, &run.history, &run.rewritten, &state)
                checkSteps(run.history, &state)
            case "wandb-events.jsonl":
                store(lines, at: offset, isRepeat, file, &run.events, &run.rewritten, &state)
                for line in lines { checkEvent(line, &state) }
            case "output.log":
                store(lines, at: offset, isRepeat, file, &run.output, &run.rewritten, &state)
                for line in lines { checkOutput(line, &state) }
            case "wandb-summary.json":
                if offset != 0 || lines.count != 1 { state.violations.append("summary is not one line at 0") }
                run.summary = lines.last
            default: state.violations.append("unknown file \(file)")
            }
        }
        // After the history, whatever the order of the files.
        if let summary = run.summary { checkSummary(summary, of: run.history, &state) }
        if let uploaded = body["uploaded"], uploaded as? [String] == nil {
            state.violations.append("uploaded is no list of names")
        }
        for name in body["uploaded"] as? [String] ?? [] where !isRepeat {
            if run.unnamed[name, default: 0] < 1 { state.violations.append("\(name) is named before its upload") }
            run.unnamed[name, default: 0] = 0
            run.uploaded.append(name)
        }
        if let preempting = body["preempting"] {
            if preempting as? Bool != true || body["complete"] != nil {
                state.violations.append("preempting at the end")
            }
            run.state = "preempting"
        }
        if (body["complete"] == nil) != (body["exitcode"] == nil) {
            state.violations.append("complete and exitcode not together")
        }
        if body["complete"] != nil {
            if body["complete"] as? Bool != true { state.violations.append("complete is not true") }
            checkMedia(run, &state)
        }
        if let code = body["exitcode"] as? Int, !isRepeat {
            run.exitCodes.append(code)
            run.state = code == 0 ? "finished" : "failed"
        }
        run.lastBody = bytes
        state.runs[name] = run
        let stopped = run.isStopped ? #","stopped":true"# : ""
        return Reply(body: Data(#"{"exitcode":null,"limits":{}\#(stopped)}"#.utf8))
    }

    private func store(
        _ lines: [String], at offset: Int, _ isRepeat: Bool, _ file: String, _ stored: inout [String],
        _ rewritten: inout Int,
        _ state: inout State
    ) {
        guard offset <= stored.count else {
            state.violations.append("\(file): offset \(offset) leaves a gap after \(stored.count)")
            return
        }
        if offset < stored.count, !isRepeat {
            state.violations.append("\(file): offset \(offset) again, though \(stored.count) lines are there")
        }
        for (index, line) in lines.enumerated() {
            if line.contains("\n") { state.violations.append("\(file): a line holds a line feed") }
            if offset + index < stored.count {
                if stored[offset + index] != line { rewritten += 1 }
                stored[offset + index] = line
            } else {
                stored.append(line)
            }
        }
    }
}
