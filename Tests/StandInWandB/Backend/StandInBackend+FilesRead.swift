internal import Artifacts
import Foundation

// Reading a run's files: listed a page at a time, fetched from the server itself or from signed addresses elsewhere.
extension StandInBackend {
    /// How files are given out.
    struct Downloads: Sendable {
        /// Another server's address, where files are really kept; nil keeps them here.
        var storage: String?
        /// Whether the server's own addresses lead to the storage.
        var redirects = false
        /// Files that arrive with a byte changed, and how often yet.
        var damaged: [String: Int] = [:]
        /// How many files are listed at once.
        var pageSize = 2
        /// The headers of every request for a signed address.
        var signed: [[String: String]] = []
        /// How often each file was given out.
        var served: [String: Int] = [:]
    }

    /// Puts a run there with its files.
    func put(files: [String: Data], as id: String, entity: String = StandInBackend.entity, project: String) {
        var run = Run(entity: entity, project: project)
        run.files = files
        put(run, as: id)
        let key = "\(entity)/\(project)"
        if !pages.projects.contains(key) { pages.projects.append(key) }
    }

    func runFiles(_ variables: [String: Any], host: String, _ state: inout State) -> Reply {
        guard let name = variables["name"] as? String, let project = variables["project"] as? String,
            let entity = variables["entity"] as? String
        else {
            state.violations.append("RunFiles without name, project or entity")
            return Reply(status: 400)
        }
        guard state.pages.projects.contains("\(entity)/\(project)") else { return answer(["project": NSNull()]) }
        guard let run = state.runs[name], run.project == project, run.entity == entity else {
            return answer(["project": ["internalId": "UA==", "run": NSNull()]])
        }
        let wanted = variables["fileNames"] as? [String] ?? []
        let names = run.files.keys.sorted().filter { wanted.isEmpty || wanted.contains($0) }
        let start = (variables["fileCursor"] as? String).flatMap { Int($0) } ?? 0
        let end = min(names.count, start + min(state.downloads.pageSize, variables["fileLimit"] as? Int ?? 50))
        let edges = names[min(start, end)..<end].enumerated().map { index, file in
            ["node": node(of: file, in: name, run, host: host, state), "cursor": "\(start + index + 1)"]
                as [String: Any]
        }
        let files: [String: Any] = [
            "edges": edges, "pageInfo": ["endCursor": "\(end)", "hasNextPage": end < names.count] as [String: Any],
        ]
        return answer([
            "project": ["internalId": "UA==", "run": ["fileCount": names.count, "files": files] as [String: Any]]
        ])
    }

    private func node(of file: String, in id: String, _ run: Run, host: String, _ state: State) -> [String: Any] {
        let bytes = Array(run.files[file] ?? Data())
        let own = "http://\(host)/files/\(run.entity)/\(run.project)/\(id)/\(file)"
        return [
            "id": "RmlsZTo=", "name": file, "url": own, "directUrl": signed(id, file, host: host, state),
            "sizeBytes": "\(bytes.count)", "mimetype": "application/octet-stream", "updatedAt": "2026-01-01T00:00:00Z",
            "md5": Data(MD5.digest(bytes)).base64EncodedString(),
        ]
    }

    private func signed(_ id: String, _ file: String, host: String, _ state: State) -> String {
        "\(state.downloads.storage ?? "http://\(host)")/get/\(id)/\(file)?X-Signature=secret"
    }

    func latestRuns(_ variables: [String: Any], _ state: State) -> Reply {
        let key = "\(variables["entity"] as? String ?? "")/\(variables["project"] as? String ?? "")"
        let prefix = "\(variables["entity"] as? String ?? "")/"
        func edges(_ names: [String]) -> [String: Any] { ["edges": names.map { ["node": ["name": $0]] }] }
        let projects = state.pages.projects.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        let runs = state.runs.filter { "\($0.value.entity)/\($0.value.project)" == key }.keys.sorted()
        return answer([
            "project": state.pages.projects.contains(key) ? ["runs": edges(runs)] as Any : NSNull(),
            "models": edges(projects),
        ])
    }

    /// A file from the server's own address.
    func getFile(_ request: Request, _ state: inout State) -> Reply {
        let parts = request.path.split(separator: "/").compactMap { $0.removingPercentEncoding }
        guard parts.count >= 5, parts[0] == "files" else { return Reply(status: 404) }
        let file = parts[4...].joined(separator: "/")
        if state.downloads.redirects {
            let address = signed(parts[3], file, host: request.headers["host"] ?? "", state)
            return Reply(status: 302, headers: ["Location": address])
        }
        return give(file, of: parts[3], &state)
    }

    /// A file from an address that is a secret of its own.
    func getSigned(_ request: Request, _ state: inout State) -> Reply {
        state.downloads.signed.append(request.headers)
        if request.headers["authorization"] != nil {
            state.violations.append("credentials on a signed address")
        }
        let path = request.path.prefix { $0 != "?" }
        let parts = path.split(separator: "/").compactMap { $0.removingPercentEncoding }
        guard request.method == "GET", parts.count >= 3 else { return Reply(status: 404) }
        return give(parts[2...].joined(separator: "/"), of: parts[1], &state)
    }

    private func give(_ file: String, of id: String, _ state: inout State) -> Reply {
        guard var bytes = state.runs[id]?.files[file] else { return Reply(status: 404) }
        state.downloads.served[file, default: 0] += 1
        if let times = state.downloads.damaged[file], times > 0, !bytes.isEmpty {
            state.downloads.damaged[file] = times - 1
            bytes[bytes.startIndex] ^= 1
        }
        return Reply(body: bytes)
    }
}
