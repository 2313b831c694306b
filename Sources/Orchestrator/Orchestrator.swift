@main
struct Orchestrator {
    static func main() { print("Orchestrator") }
}
