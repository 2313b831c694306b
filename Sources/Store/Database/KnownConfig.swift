/// SQL for the configs of specs as far as they are known.
///
/// A spec that is open is stored with a config that can be run, but what its search is to set is a placeholder there that
/// no run ever gets. Its overrides name these keys. Versions that did not note them left the overrides empty; of such a
/// spec nothing is known until its config is chosen.
enum KnownConfig {
    /// The config as JSON, with null for settings not chosen yet.
    static let text = """
        CASE WHEN NOT spec.open THEN spec.config WHEN spec.overrides = '[]' THEN '{}' ELSE (
          WITH RECURSIVE blanked(count, text) AS (
            SELECT 0, spec.config
            UNION ALL
            SELECT count + 1, json_replace(text, '$."'
              || replace(json_extract(spec.overrides, '$[' || count || '][0]'), '.', '"."') || '"', NULL)
            FROM blanked WHERE count < json_array_length(spec.overrides))
          SELECT text FROM blanked ORDER BY count DESC LIMIT 1) END
        """

    /// What was set for a spec, as in ``Spec/overrides``: nothing yet for an open one.
    static let overrides = "iif(spec.open, '[]', spec.overrides)"

    /// A key's value, given SQL that finds it in `config`; null until it is chosen.
    ///
    /// - Parameters:
    ///   - name: The key, nested ones joined by dots, free of quotes.
    ///   - value: The SQL.
    /// - Returns: SQL.
    static func value(of name: String, _ value: String) -> String {
        """
        CASE WHEN spec.open AND (spec.overrides = '[]' OR EXISTS (
          SELECT 1 FROM json_each(spec.overrides) AS pair WHERE '\(name)' = pair.value ->> 0
            OR substr('\(name)', 1, length(pair.value ->> 0) + 1) = (pair.value ->> 0) || '.'))
        THEN NULL ELSE \(value) END
        """
    }
}
