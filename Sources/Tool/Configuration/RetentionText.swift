package import Engine

/// The rules of retention as configuration writes them:
///
///     debug=1d, acme/audit=forever, acme/=90d, acme/=200GiB, scratch_*=6h
///
/// `NAME` is a measurement of every tenant, `TENANT/` all of a tenant, `TENANT/NAME` a measurement
/// of it. The first rule that fits decides. `none` is no rule.
package enum RetentionText {
  /// The shortest age: bounds are whole hours.
  package static let ageMin: Int64 = 3_600_000_000_000
  private static let forever = "forever"
  private static let none = "none"

  /// - Returns: `nil` when a rule says nothing that can be meant.
  package static func rules(_ text: String) -> [RetentionRules.Rule]? {
    if text == none { return [] }
    var rules: [RetentionRules.Rule] = []
    for part in text.split(separator: ",") {
      let words = trimmed(part)
      if words.isEmpty { continue }
      guard let rule = rule(words) else { return nil }
      rules.append(rule)
    }
    return rules
  }

  /// The same with sizes alone.
  package static func sizes(_ text: String) -> [RetentionRules.Rule]? {
    guard let rules = rules(text) else { return nil }
    let areSizes = rules.allSatisfy { rule in
      if case .bytes = rule.limit { true } else { false }
    }
    return areSizes ? rules : nil
  }

  private static func rule(_ text: Substring) -> RetentionRules.Rule? {
    guard let equals = text.lastIndex(of: "=") else { return nil }
    let whose = trimmed(text[..<equals])
    let limit = trimmed(text[text.index(after: equals)...])
    guard let limit = self.limit(String(limit)), !whose.isEmpty else { return nil }
    var rule = RetentionRules.Rule(tenant: nil, measurement: nil, limit: limit)
    if let slash = whose.firstIndex(of: "/") {
      rule.tenant = String(whose[..<slash])
      let measurement = whose[whose.index(after: slash)...]
      rule.measurement = measurement.isEmpty || measurement == "*" ? nil : String(measurement)
      if rule.tenant == "*" { rule.tenant = nil }
      if rule.tenant == "" { return nil }
    } else {
      rule.measurement = whose == "*" ? nil : String(whose)
    }
    // Blocks hold all measurements of a tenant, so that only its bytes can be bounded.
    if case .bytes = limit, rule.measurement != nil || rule.tenant == nil { return nil }
    return rule
  }

  private static func limit(_ text: String) -> RetentionRules.Limit? {
    if text == forever { return .forever }
    if let age = SettingUnits.nanoseconds(text) { return age >= ageMin ? .age(age) : nil }
    if let count = SettingUnits.byteCount(text) { return count > 0 ? .bytes(count) : nil }
    return nil
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }

  /// Rules as ``rules(_:)`` reads them.
  package static func text(_ rules: [RetentionRules.Rule]) -> String {
    if rules.isEmpty { return none }
    return rules.map { rule in
      let tenant = rule.tenant.map { $0 + "/" } ?? ""
      let whose = tenant + (rule.measurement ?? (rule.tenant == nil ? "*" : ""))
      let limit =
        switch rule.limit {
        case .forever: forever
        case .age(let age): SettingUnits.text(nanoseconds: age)
        case .bytes(let count): SettingUnits.text(byteCount: count)
        }
      return "\(whose)=\(limit)"
    }.joined(separator: ", ")
  }
}
