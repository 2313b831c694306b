import Foundation
import GRDB

extension Store {
    /// Records the web pages that were made for a job, replacing those recorded before.
    public func setLinks(_ links: [JobLink], of job: JobID) throws(StoreError) {
        try write { db in
            let text = String(decoding: try JSONEncoder().encode(links), as: UTF8.self)
            try db.execute(
                sql: "UPDATE job SET links = ? WHERE id = ?", arguments: [text, job.rawValue])
        }
    }

    /// A job's experiments in the order of their first specs, each once.
    ///
    /// - Returns: the experiments; of one whose specs name several projects, the first spec's project.
    public func experiments(of job: JobID) throws(StoreError) -> [JobExperiment] {
        try read { db in
            // A bare column next to MIN comes from the row that has the minimum.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT experiment, MIN(position) AS first, COUNT(*) AS specs,
                      json_extract(config, '$.wandb_project') AS project,
                      json_extract(config, '$.task_config.task_name') AS task,
                      json_group_array(DISTINCT json_extract(config, '$.user_metrics'))
                        FILTER (WHERE json_extract(config, '$.user_metrics') IS NOT NULL) AS own
                    FROM spec WHERE job = ? GROUP BY experiment ORDER BY first
                    """, arguments: [job.rawValue])
            return rows.map {
                JobExperiment(
                    name: $0["experiment"], project: $0["project"], task: $0["task"], userMetrics: $0["own"],
                    specs: $0["specs"])
            }
        }
    }
}
