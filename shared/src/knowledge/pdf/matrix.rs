//! Plane transformations as PDF writes them: six numbers, points as row vectors.

/// `[a b c d e f]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix([f64; 6]);

impl Matrix {
    /// Changes nothing.
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// The matrix of six numbers; none for another count.
    pub fn from_slice(numbers: &[f64]) -> Option<Self> {
        numbers.try_into().ok().map(Self)
    }

    /// Moves by (x, y).
    pub fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// First this, then the other.
    pub fn then(&self, other: &Self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let ((ax, ay), (cx, cy), (ex, ey)) = (other.turn(a, b), other.turn(c, d), other.apply(e, f));
        Self([ax, ay, cx, cy, ex, ey])
    }

    /// Where it moves a point.
    pub fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let (tx, ty) = self.turn(x, y);
        (tx + self.0[4], ty + self.0[5])
    }

    /// What it makes of a direction.
    pub fn turn(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, ..] = self.0;
        (a * x + c * y, b * x + d * y)
    }

    /// The length that it gives to an upright unit.
    pub fn height(&self) -> f64 {
        self.0[2].hypot(self.0[3])
    }
}
