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
            return UploadTicket(name: name, url: url.hasPrefix("/") ? baseURL + url : url, headers: headers)
        }
    }

    private static func header(of line: String?) -> (name: String, value: String)? {
        guard let line, let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return (String(line[..<colon]), String(value))
    }

}
