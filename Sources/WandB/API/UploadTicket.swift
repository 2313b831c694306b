import JSON

/// Where one file may be put, once.
struct UploadTicket {
    let name: String
    let url: String
    let headers: [(name: String, value: String)]

    /// The tickets of a CreateRunFiles reply, in its order.
    static func tickets(reply data: JSONValue, baseURL: String) -> [UploadTicket] {
        let payload = data["createRunFiles"]
        let headers = (payload?["uploadHeaders"]?.elements ?? []).compactMap { header(of: $0.string) }
        return (payload?["files"]?.elements ?? []).compactMap { file in
            guard let name = file["name"]?.string, let url = file["uploadUrl"]?.string else { return nil }
            return UploadTicket(name: name, url: url, headers: headers, baseURL: baseURL)
        }
    }

    /// The ticket of an artifact's file, or of its manifest; nil if the server wants no bytes.
    static func ticket(_ node: JSONValue?, name: String, baseURL: String) -> UploadTicket? {
        guard let url = node?["uploadUrl"]?.string else { return nil }
        let headers = (node?["uploadHeaders"]?.elements ?? []).compactMap { header(of: $0.string) }
        return UploadTicket(name: name, url: url, headers: headers, baseURL: baseURL)
    }

    private init(name: String, url: String, headers: [(name: String, value: String)], baseURL: String) {
        self.name = name
        self.url = url.hasPrefix("/") ? baseURL + url : url
        self.headers = headers
    }

    private static func header(of line: String?) -> (name: String, value: String)? {
        guard let line, let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return (String(line[..<colon]), String(value))
    }

}
