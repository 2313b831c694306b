import JSON

/// The parts of a view's spec that are the same on every page: the default arrangement of panels.
enum PanelBank {
    static let flowConfig: JSONValue = [
        "snapToColumns": true, "columnsPerPage": 3, "rowsPerPage": 2, "gutterWidth": 16, "boxWidth": 460,
        "boxHeight": 300,
    ]

    static let settings: JSONValue = [
        "autoOrganizePrefix": 2, "showEmptySections": false, "sortAlphabetically": false,
    ]

    /// How panels draw lines; smoothing is left off, so what is shown is what was logged.
    static func panelSettings(smoothing type: JSONValue) -> JSONValue {
        [
            "smoothingWeight": 0, "smoothingType": type, "xAxis": "_step", "ignoreOutliers": false,
            "useRunsTableGroupingInPanels": true, "smoothingActive": .bool(type != "none"), "xAxisActive": false,
        ]
    }

    /// A section of panels that flow one after the other.
    static func section(_ name: String, isOpen: Bool, panels: [JSONValue], smoothing type: JSONValue) -> JSONValue {
        [
            "name": .string(name), "isOpen": .bool(isOpen), "type": "flow", "flowConfig": flowConfig, "sorted": 0,
            "localPanelSettings": panelSettings(smoothing: type), "panels": .array(panels),
        ]
    }

    /// The section of a page whose panels lie where they were put.
    static func grid(_ panels: [JSONValue]) -> JSONValue {
        [
            "name": "Report Panels", "isOpen": false, "panels": .array(panels), "type": "grid",
            "flowConfig": flowConfig, "sorted": 0, "localPanelSettings": panelSettings(smoothing: "exponential"),
        ]
    }
}

extension JSONValue {
    /// The object with one more member.
    func adding(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + [Member(name, value)])
    }
}
