@main
struct Worker {
    static func main() { print("Worker") }
}
