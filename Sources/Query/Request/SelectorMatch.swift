package import Model

/// A selector ready to be compared with names.
package struct SelectorMatch {
  private enum Test {
    case equal([UInt8])
    case pattern(Regex<AnyRegexOutput>)
  }

  private struct TagTest {
    var key: [UInt8]
    var test: Test
    var isNegated: Bool
  }

  private let measurement: [UInt8]?
  private let tests: [TagTest]
  /// Names of the fields wanted; empty is all of them.
  package let fields: [[UInt8]]

  /// - Throws: when a regular expression is none.
  package init(_ selector: Selector) throws(Selector.Fault) {
    measurement = selector.measurement.map { Array($0.utf8) }
    fields = selector.fields.map { Array($0.utf8) }
    tests = try selector.matchers.map { matcher throws(Selector.Fault) in
      let isPattern = matcher.operator == .matches || matcher.operator == .matchesNot
      let isNegated = matcher.operator == .notEqual || matcher.operator == .matchesNot
      let test: Test =
        isPattern ? .pattern(try Self.pattern(matcher)) : .equal(Array(matcher.value.utf8))
      return TagTest(key: Array(matcher.key.utf8), test: test, isNegated: isNegated)
    }
  }

  private static func pattern(
    _ matcher: Selector.Matcher
  ) throws(Selector.Fault) -> Regex<AnyRegexOutput> {
    do {
      return try Regex(matcher.value)
    } catch {
      throw Selector.Fault(
        message: "\(matcher.key)\(matcher.operator.rawValue)\"\(matcher.value)\": "
          + "no regular expression: \(error)"
      )
    }
  }

  package func takes(measurement name: [UInt8]) -> Bool {
    measurement == nil || measurement == name
  }

  /// A tag that is not there is the empty text.
  package func takes(tags: [Tag]) -> Bool {
    tests.allSatisfy { test in
      let value = tags.first { $0.key == test.key }?.value ?? []
      let isMatch =
        switch test.test {
        case .equal(let wanted): value == wanted
        case .pattern(let pattern):
          // What is no text matches no pattern.
          String(validating: value, as: UTF8.self)
            .map { (try? pattern.wholeMatch(in: $0)) != nil } ?? false
        }
      return isMatch != test.isNegated
    }
  }
}
