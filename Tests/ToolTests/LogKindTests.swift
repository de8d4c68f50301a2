import Engine
import Foundation
import TestSupport
import Testing

struct LogKindTests {
  /// Scripts look at kinds, so each must be found in the manual.
  @Test func thePageOfOperationsListsEveryKind() throws {
    let path = Fixtures.repository + "/docs/operations.md"
    let page = try String(contentsOfFile: path, encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let cells = rows.map { $0.split(separator: "|")[0] }
    for kind in LogKind.allCases {
      #expect(cells.contains { $0.contains("`\(kind.rawValue)`") }, "\(kind.rawValue)")
    }
  }
}
