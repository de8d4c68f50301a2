import Model
import Query

/// Folds values in the plainest way and compares one aggregate.
enum WindowCheck {
  /// What is wrong with `found`, or `nil`.
  static func fault(
    _ aggregate: Aggregate,
    _ found: ModelValue,
    _ values: [ModelValue]
  ) -> String? {
    let numbers = values.compactMap(\.number)
    let expected: Double?
    switch aggregate {
    case .count: expected = Double(values.count)
    case .min: expected = numbers.min()
    case .max: expected = numbers.max()
    case .sum:
      let total = numbers.reduce(0, +)
      let scale = numbers.reduce(0) { $0 + abs($1) }
      guard let sum = found.number else { return "sum is \(found)" }
      return abs(sum - total) <= max(1e-12, 1e-15 * 64) * scale + 1e-300
        ? nil : "sum \(sum), expected \(total)"
    case .first, .last:
      let value = aggregate == .first ? values.first : values.last
      guard let value else { return "no value" }
      if value == found { return nil }
      // Booleans answer aggregates as 0 and 1.
      return value.number != nil && value.number == found.number
        ? nil : "\(aggregate) \(found), expected \(value)"
    case .avg: return nil
    }
    guard let expected, let number = found.number else { return "\(aggregate) is \(found)" }
    return number == expected ? nil : "\(aggregate) \(number), expected \(expected)"
  }
}

extension AnswerValues {
  /// The value at `index` as the model writes it.
  func modelValue(at index: Int) -> ModelValue {
    switch self {
    case .float(let cells): .float(cells[index])
    case .integer(let cells): .integer(Int64(bitPattern: cells[index]))
    case .unsigned(let cells): .unsigned(cells[index])
    case .boolean(let cells): .boolean(cells[index] != 0)
    case .string(let cells, let strings):
      .string(String(decoding: strings.slice(cells[index]) ?? [], as: UTF8.self))
    case .sum(let sums, _): .float(Double(sums[index]).bitPattern)
    }
  }
}
