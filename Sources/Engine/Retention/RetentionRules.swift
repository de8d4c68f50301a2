/// How long points are kept, by whose they are. Nothing is removed by default.
///
/// The first rule that fits a tenant and a measurement decides; the general limits come last. Pure.
public struct RetentionRules: Hashable, Sendable {
  public enum Limit: Hashable, Sendable {
    case forever
    /// Nanoseconds behind now.
    case age(Int64)
    /// Bytes of a tenant's blocks.
    case bytes(Int)
  }

  /// What is kept of a tenant, of a measurement, or of one measurement of a tenant.
  public struct Rule: Hashable, Sendable {
    /// `nil` is every tenant.
    public var tenant: String?
    /// `nil` is every measurement; one `*` at the end stands for any rest.
    public var measurement: String?
    public var limit: Limit

    public init(tenant: String?, measurement: String?, limit: Limit) {
      self.tenant = tenant
      self.measurement = measurement
      self.limit = limit
    }

    fileprivate func fits(tenant name: String) -> Bool { tenant.map { $0 == name } ?? true }

    fileprivate func fits(measurement name: String) -> Bool {
      guard let measurement else { return true }
      return measurement.hasSuffix("*")
        ? name.hasPrefix(measurement.dropLast()) : name == measurement
    }

    /// The age that it lets points have; `nil` when it speaks of bytes.
    fileprivate var age: Int64? {
      switch limit {
      case .forever: .max
      case .age(let nanoseconds): nanoseconds
      case .bytes: nil
      }
    }
  }

  /// Of whatever no rule is about, in nanoseconds; 0 keeps it for ever.
  public var ageNanoseconds: Int64 = 0
  /// Of the blocks of all tenants together; 0 for no bound.
  public var byteCount = 0
  public var rules: [Rule] = []
  /// Of the blocks in the cold store, all tenants together; 0 for no bound.
  public var coldByteCount = 0
  /// Bytes that a tenant's blocks in the cold store may have: rules with sizes.
  public var coldRules: [Rule] = []
  /// Whether what no rule is about is never kept, rather than for ever.
  var isOffByDefault = false

  public init() {}

  /// Whether anything is ever removed; of what is off by default, whether anything is kept.
  public var isActive: Bool {
    // What is off by default is not made for a bound of its bytes.
    ageNanoseconds > 0 || byteCount > 0 && !isOffByDefault || !rules.isEmpty
      || coldByteCount > 0 || !coldRules.isEmpty
  }

  /// Whether any bound is one of bytes.
  var limitsBytes: Bool {
    byteCount > 0 || coldByteCount > 0 || !coldRules.isEmpty
      || rules.contains { rule in
        if case .bytes = rule.limit { true } else { false }
      }
  }

  private var generalAge: Int64 { ageNanoseconds > 0 ? ageNanoseconds : .max }

  /// The age that points of a measurement may have; `.max` for ever.
  public func age(tenant: String, measurement: String) -> Int64 {
    for rule in rules where rule.fits(tenant: tenant) && rule.fits(measurement: measurement) {
      if let age = rule.age { return age }
    }
    return defaultAge
  }

  /// Of what no rule is about.
  private var defaultAge: Int64 { isOffByDefault && ageNanoseconds == 0 ? 0 : generalAge }

  /// The shortest and the longest age that any measurement of a tenant may have; of any tenant when
  /// none is named.
  func ages(tenant: String?) -> (shortest: Int64, longest: Int64) {
    var (shortest, longest) = (Int64.max, Int64.min)
    for rule in rules {
      guard let age = rule.age, tenant.map({ rule.fits(tenant: $0) }) ?? true else { continue }
      shortest = min(shortest, age)
      longest = max(longest, age)
      // What stands behind a rule about everything is never asked.
      if rule.measurement == nil, rule.tenant == nil || tenant != nil { return (shortest, longest) }
    }
    return (min(shortest, defaultAge), max(longest, defaultAge))
  }

  /// Bytes that a tenant's blocks may have; `nil` for no bound of its own.
  func byteCountMax(tenant: String) -> Int? { Self.byteCountMax(tenant, rules) }

  /// The same of its blocks in the cold store.
  func coldByteCountMax(tenant: String) -> Int? { Self.byteCountMax(tenant, coldRules) }

  private static func byteCountMax(_ tenant: String, _ rules: [Rule]) -> Int? {
    for rule in rules where rule.fits(tenant: tenant) {
      if case .bytes(let count) = rule.limit { return count }
    }
    return nil
  }
}
