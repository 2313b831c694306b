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
        if run.state != "running", bytes != run.lastBody {
            state.violations.append("a request after complete")
        }
        let isRepeat = bytes == run.lastBody && !body.isEmpty
        for (file, chunk) in body["files"] as? [String: [String: Any]] ?? [:] {
            guard let offset = chunk["offset"] as? Int, let lines = chunk["content"] as? [String],
                !lines.isEmpty
            else {
                state.violations.append("\(file) without offset or content")
                continue
            }
            switch file {
            case "wandb-history.jsonl":
                store(lines, at: offset, file, &run.history, &run.rewritten, &state)
                checkSteps(run.history, &state)
            case "wandb-events.jsonl":
                store(lines, at: offset, file, &run.events, &run.rewritten, &state)
                for line in lines { checkEvent(line, &state) }
            case "output.log":
                store(lines, at: offset, file, &run.output, &run.rewritten, &state)
            case "wandb-summary.json":
                if offset != 0 || lines.count != 1 { state.violations.append("summary is not one line at 0") }
                run.summary = lines.last
            default: state.violations.append("unknown file \(file)")
            }
        }
        for name in body["uploaded"] as? [String] ?? [] {
            if run.files[name] == nil { state.violations.append("\(name) is named before its upload") }
            run.uploaded.append(name)
        }
        if (body["complete"] == nil) != (body["exitcode"] == nil) {
            state.violations.append("complete and exitcode not together")
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
        _ lines: [String], at offset: Int, _ file: String, _ stored: inout [String], _ rewritten: inout Int,
        _ state: inout State
    ) {
        guard offset <= stored.count else {
            state.violations.append("\(file): offset \(offset) leaves a gap after \(stored.count)")
            return
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

    private func checkSteps(_ history: [String], _ state: inout State) {
        var last = -1
        for line in history {
            guard let row = try? JSONValue(parsing: line), let step = row["_step"]?.integer,
                row["_timestamp"]?.double != nil, row["_runtime"]?.double != nil
            else {
                state.violations.append("bad history row \(line.prefix(80))")
                continue
            }
            if step <= last { state.violations.append("_step \(step) after \(last)") }
            last = step
        }
    }

    private func checkEvent(_ line: String, _ state: inout State) {
        guard let row = try? JSONValue(parsing: line), case .object(let members) = row,
            row["_wandb"] == .bool(true), row["_timestamp"]?.double != nil,
            members.allSatisfy({ $0.name.hasPrefix("system.") || $0.name.hasPrefix("_") })
        else {
            state.violations.append("bad event \(line.prefix(80))")
            return
        }
    }
}
