import Foundation

// Files: an address for each, and the bytes put there without credentials.
extension StandInBackend {
    func createFiles(_ variables: [String: Any], host: String, _ state: inout State) -> Reply {
        guard let run = variables["run"] as? String, let names = variables["files"] as? [String],
            state.runs[run] != nil
        else {
            state.violations.append("CreateRunFiles before UpsertBucket")
            return Reply(status: 404)
        }
        var files: [[String: Any]] = []
        for name in names {
            let token = "\(state.tickets.count)"
            state.tickets[token] = (run, name)
            files.append(["name": name, "uploadUrl": "http://\(host)/put/\(token)?X-Signature=secret"])
        }
        return answer([
            "createRunFiles": ["runID": storageID(run), "uploadHeaders": ["X-Stand-In: yes"], "files": files]
        ])
    }

    func put(_ request: Request, _ state: inout State) -> Reply {
        let token = String(request.path.dropFirst("/put/".count).prefix { $0 != "?" })
        for name in ["authorization", "content-type", "transfer-encoding"] where request.headers[name] != nil {
            state.violations.append("an upload with \(name)")
        }
        if request.headers["x-stand-in"] != "yes" { state.violations.append("an upload without its headers") }
        if request.headers["content-length"] != "\(request.body.count)" {
            state.violations.append("an upload without its length")
        }
        if let reply = putArtifact(token, request.body, &state) { return reply }
        guard request.method == "PUT", let ticket = state.tickets[token] else {
            state.violations.append("\(request.method) to an address that was not given out")
            return Reply(status: 404)
        }
        state.runs[ticket.run]?.files[ticket.name] = request.body
        state.runs[ticket.run]?.unnamed[ticket.name, default: 0] += 1
        return Reply()
    }
}
