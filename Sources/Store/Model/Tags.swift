import Foundation

/// A user's tags as the state file keeps them: a JSON list.
enum Tags {
    static func parse(_ json: String?) throws -> [String] {
        guard let json else { return [] }
        return try JSONDecoder().decode([String].self, from: Data(json.utf8))
    }

    static func json(_ tags: [String]) throws -> String? {
        tags.isEmpty ? nil : String(decoding: try JSONEncoder().encode(tags), as: UTF8.self)
    }
}
