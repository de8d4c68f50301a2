internal import Model

/// The four values of a float window as integers over one power of ten, where each is the very
/// double that the division gives.
struct DecimalWindow {
  var form: WindowControl.Form
  var min: Int64
  var max: Int64
  var first: Int64
  var last: Int64

  /// Adding it to a number of smaller magnitude than 2^51 rounds to a whole one, to be read from
  /// the low bits of the sum.
  private static let rounder = 0x1.8p52
  private static let wholeMax = 0x1p51

  /// The forms tried, in order, and their powers of ten.
  @inline(__always)
  private static func candidate(_ index: Int) -> (form: WindowControl.Form, power: Double) {
    switch index {
    case 0: (.whole, 1)
    case 1: (.tenths, 1e1)
    case 2: (.hundredths, 1e2)
    case 3: (.thousandths, 1e3)
    case 4: (.tenThousandths, 1e4)
    case 5: (.millionths, 1e6)
    case 6: (.billionths, 1e9)
    default: (.trillionths, 1e12)
    }
  }
  private static let candidateCount = 8

  /// Finds the smallest power of ten for a window; `nil` when none fits.
  @inline(__always)
  init?(_ window: Window) {
    var index = 0
    while index < Self.candidateCount {
      let (form, power) = Self.candidate(index)
      index &+= 1
      let min = Self.whole(window.min, power)
      guard min.distance == 0 else { continue }
      // All at once: the divisions overlap, and one branch is easier to foresee than three.
      let max = Self.whole(window.max, power)
      let first = Self.whole(window.first, power)
      let last = Self.whole(window.last, power)
      guard max.distance | first.distance | last.distance == 0 else { continue }
      self.form = form
      self.min = min.value
      self.max = max.value
      self.first = first.value
      self.last = last.value
      return
    }
    return nil
  }

  /// `cell` times `power`, and 0 if dividing it by `power` gives the cell again: never for −0 and
  /// NaN.
  @inline(__always)
  private static func whole(_ cell: Cell, _ power: Double) -> (value: Int64, distance: UInt64) {
    let shifted = Double(bitPattern: cell) * power + rounder
    let whole = shifted - rounder
    let distance = (whole / power).bitPattern ^ cell
    let isSmall = whole.magnitude < wholeMax
    return (
      Int64(bitPattern: shifted.bitPattern &- rounder.bitPattern),
      distance | (isSmall ? 0 : 1)
    )
  }

  /// The window's sum as what it has beyond count times the minimum, and the doubles that lie
  /// between that and the sum proper; `nil` when it is not near a number of this form.
  @inline(__always)
  func excess(_ window: Window) -> (excess: UInt64, correction: Int8)? {
    let power = Self.power(form)
    let shifted = window.sum.float * power + Self.rounder
    let whole = shifted - Self.rounder
    guard whole.magnitude < Self.wholeMax else { return nil }
    let sum = Int64(bitPattern: shifted.bitPattern &- Self.rounder.bitPattern)
    let nearest = (whole / power).bitPattern
    let (floor, overflowed) = min.multipliedReportingOverflow(
      by: Int64(truncatingIfNeeded: window.count)
    )
    guard !overflowed, sum >= floor else { return nil }
    guard let correction = Int8(exactly: Int64(bitPattern: window.sum.low &- nearest)) else {
      return nil
    }
    return (UInt64(bitPattern: sum &- floor), correction)
  }

  /// The power of ten of a decimal form; 1 for all others.
  @inline(__always)
  static func power(_ form: WindowControl.Form) -> Double {
    switch form {
    case .tenths: 1e1
    case .hundredths: 1e2
    case .thousandths: 1e3
    case .tenThousandths: 1e4
    case .millionths: 1e6
    case .billionths: 1e9
    case .trillionths: 1e12
    case .whole, .ranks, .text: 1
    }
  }
}
